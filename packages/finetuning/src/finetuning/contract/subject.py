"""What is tried: someone's functions, and a small model to try them on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gpt2 import GPT2, GPT2Config

STEPS = 3


@dataclass
class Subject:
    """The functions under trial. Each claim gets a subject of its own."""

    adapt: Callable[[Any], nn.Module]
    merge: Callable[[Any], nn.Module] | None = None
    loss: Callable[[Any, Any], tuple[Tensor, Tensor | int]] | None = None
    reference: Callable[[Any], Mapping[str, Tensor]] | None = None
    shape = "a GPT-2 of 2 blocks, 16 channels and 50 ids, and 2 rows of 12 tokens"

    def base(self) -> GPT2:
        """The model, with weights larger than new ones, so that what is wrong shows."""
        config = GPT2Config(n_vocab=50, n_ctx=24, n_embd=16, n_head=2, n_layer=2, dropout=0.0)
        model = GPT2(config, generator=torch.Generator().manual_seed(0))
        noise = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=noise))
        return model.eval()

    def tokens(self) -> Tensor:
        """Rows of ids."""
        return torch.randint(50, (2, 12), generator=torch.Generator().manual_seed(2))

    def learners(self, model: nn.Module) -> dict[str, nn.Parameter]:
        """What of the model learns, by name."""
        return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}

    def trained(self, model: nn.Module, steps: int = STEPS) -> nn.Module:
        """The same model after some steps of AdamW, with decay, on the next tokens of `tokens`."""
        optimizer = torch.optim.AdamW(self.learners(model).values(), lr=0.05, weight_decay=0.1)
        tokens = self.tokens()
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten()).backward()
            optimizer.step()
        optimizer.zero_grad()
        return model

    def logits(self, model: nn.Module) -> Tensor:
        """What it computes, without gradients."""
        with torch.no_grad():
            found: Tensor = model(self.tokens())
        return found
