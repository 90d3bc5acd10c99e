"""The mixed loss, judged by torch's own divergence and cross-entropy over whole logits."""

import pytest
import torch
from torch.nn import functional

import gpt2
from finetuning import Mix, distillation_losses
from finetuning.losses import logit_rows


@pytest.mark.parametrize("mix", [Mix(), Mix(1.0, 1.0), Mix(0.2, 4.0)])
def test_the_loss_and_its_gradient_are_torchs(model, tokenizer, monkeypatch, mix):
    monkeypatch.setattr(logit_rows, "CHUNK_BYTES", 4 * model.n_vocab * 16)
    config = gpt2.GPT2Config(n_vocab=model.n_vocab + 4, n_ctx=48, n_embd=32, n_head=2, n_layer=1)
    teacher = gpt2.GPT2(config, generator=torch.Generator().manual_seed(5)).requires_grad_(False)
    numbers = torch.Generator().manual_seed(0)
    state = torch.randn(40, 24, generator=numbers).requires_grad_()
    known = 10 * torch.randn(40, 32, generator=numbers)
    ids = torch.randint(model.n_vocab, (40,), generator=numbers)
    got = distillation_losses(model, state, teacher, known, ids, mix, model.n_vocab)
    own, theirs = state @ model.token_embedding.weight.T, (known @ teacher.token_embedding.weight.T)[:, : model.n_vocab]
    apart = functional.kl_div(
        (own / mix.temperature).log_softmax(-1), (theirs / mix.temperature).softmax(-1), reduction="none"
    ).sum(-1)
    text = functional.cross_entropy(own, ids, reduction="none")
    wanted = mix.share * mix.temperature**2 * apart + (1 - mix.share) * text
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)
    weights = [state, model.token_embedding.weight]
    slopes = [torch.autograd.grad(loss.sum(), weights, retain_graph=True) for loss in (got, wanted)]
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
