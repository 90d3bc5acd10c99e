import pytest
import torch

from gpt2 import head_cross_entropy, head_loss


@pytest.mark.parametrize("chunk_bytes", [1, 32 * 2**20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sum_and_gradients_equal_torchs_cross_entropy(chunk_bytes, dtype, monkeypatch):
    monkeypatch.setattr(head_loss, "CHUNK_BYTES", chunk_bytes)
    generator = torch.Generator().manual_seed(0)
    state = torch.randn(5, 9, 16, generator=generator, dtype=dtype, requires_grad=True)
    weight = torch.randn(33, 16, generator=generator, dtype=dtype, requires_grad=True)
    targets = torch.randint(33, (5, 9), generator=generator)
    targets[0, 3:] = -100
    targets[2] = -1
    ours, count = head_cross_entropy(state, weight, targets)
    wanted = torch.where(targets < 0, -100, targets).flatten()
    theirs = torch.nn.functional.cross_entropy((state @ weight.T).flatten(0, 1), wanted, reduction="sum")
    assert int(count) == int((targets >= 0).sum()) == 30
    torch.testing.assert_close(ours.double(), theirs.double(), rtol=1e-6, atol=0)
    our_gradients = torch.autograd.grad(ours * 3, (state, weight))
    their_gradients = torch.autograd.grad(theirs * 3, (state, weight))
    torch.testing.assert_close(our_gradients, their_gradients, rtol=1e-5, atol=1e-5)


def test_without_gradients_only_the_sum_is_computed():
    state, weight = torch.randn(4, 8), torch.randn(11, 8)
    with torch.inference_mode():
        total, _ = head_cross_entropy(state, weight, torch.arange(4))
    torch.testing.assert_close(
        total, torch.nn.functional.cross_entropy(state @ weight.T, torch.arange(4), reduction="sum")
    )


def test_extreme_logits_stay_finite():
    state = torch.full((2, 4), 1e4, requires_grad=True)
    weight = torch.eye(3, 4) * 1e3
    total, _ = head_cross_entropy(state, weight, torch.tensor([0, 1]))
    total.backward()
    assert total.isfinite()
    assert state.grad.isfinite().all()


def test_a_target_outside_the_vocabulary_is_an_error():
    with pytest.raises((IndexError, RuntimeError), match="index"):
        head_cross_entropy(torch.randn(2, 4), torch.randn(3, 4), torch.tensor([0, 3]))
