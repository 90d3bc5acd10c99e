"""`torch.compile` takes forward pass and loss in one piece; in a process without the shape checks of the tests."""

import subprocess
import sys

import pytest

CODE = """
import torch, gpt2
model = gpt2.GPT2(gpt2.GPT2Config(n_vocab=300, n_ctx=24, n_embd=32, n_head=4, n_layer=2))
tokens = torch.randint(300, (2, 20))
compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
torch.testing.assert_close(compiled(tokens), model(tokens))
loss = torch.compile(model.loss, fullgraph=True, backend="aot_eager")
gradients = []
for function in (loss, model.loss):
    model.zero_grad()
    function(tokens, tokens)[0].backward()
    gradients.append([parameter.grad.clone() for parameter in model.parameters()])
for ours, theirs in zip(*gradients, strict=True):
    torch.testing.assert_close(ours, theirs)
"""


@pytest.mark.slow
def test_forward_and_loss_compile_without_a_graph_break():
    subprocess.run([sys.executable, "-c", CODE], check=True)
