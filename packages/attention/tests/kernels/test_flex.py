"""Rules as block masks: the same numbers as every other path, as far as this machine can run the kernel."""

import pytest
import torch

from attention import (
    MultiHeadAttention,
    attend,
    attend_reference,
    block_mask,
    causal,
    documents,
    global_tokens,
    padding,
    prefix,
    sliding_window,
)
from attention.kernels.flex import attend_blocks

B, H, T, D = 2, 4, 150, 16  # more than a block of 128
IDS = torch.arange(T) // 60
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
MASKS = {
    "causal": causal(),
    "window": causal() & sliding_window(20),
    "both ways": sliding_window(20) | global_tokens(0),
    "prefix": causal() | prefix(30),
    "documents": causal() & documents(IDS),
    "documents by row": causal() & documents(torch.stack([IDS, IDS.flip(0)])),
    "rows that see nothing": padding(torch.tensor([0, 90])) & causal(),
    "queries that see nothing": ~padding(torch.tensor([70, 90])) & causal(),
}


def qkv(groups=H, device="cpu", dtype=torch.float32):
    return [torch.randn(B, h, T, D, device=device, dtype=dtype) for h in (H, groups, groups)]


@pytest.mark.parametrize("groups", [H, 2])
@pytest.mark.parametrize("name", MASKS)
def test_flex_gives_what_the_reference_gives(name, groups, unchecked):
    """Torch's own kernel, step by step; its tracer cannot see through the type checker."""
    q, k, v = qkv(groups)
    output = attend_blocks(q, k, v, block_mask(MASKS[name], B, T, T))
    expected, _ = attend_reference(q, k, v, MASKS[name].dense(B, T, T))
    torch.testing.assert_close(output, expected)
    blind = ~MASKS[name].dense(B, T, T).any(-1).expand(B, H, T)
    assert not output[blind].any()


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("name", MASKS)
def test_a_block_mask_serves_attend_like_its_rule_gradients_included(name, biased):
    q, k, v = (x.double().requires_grad_() for x in qkv(2))
    bias = torch.randn(H, T, T, dtype=torch.float64) if biased else None
    blocks, upstream = block_mask(MASKS[name], B, T, T), torch.randn(B, H, T, D, dtype=torch.float64)
    ours, rule = (attend(q, k, v, mask, bias=bias) for mask in (blocks, MASKS[name]))
    torch.testing.assert_close(ours, rule)
    for a, b in zip(*(torch.autograd.grad(out, (q, k, v), upstream) for out in (ours, rule)), strict=True):
        torch.testing.assert_close(a, b)


def test_a_layer_takes_a_block_mask_for_its_output_and_its_maps():
    layer, x, mask = MultiHeadAttention(16, H), torch.randn(B, T, 16), MASKS["documents by row"]
    blocks = block_mask(mask, B, T, T)
    torch.testing.assert_close(layer(x, blocks), layer(x, mask))
    torch.testing.assert_close(layer.attend_maps(x, blocks), layer.attend_maps(x, mask))


@pytest.mark.parametrize("shape", [(3, T, T), (B, T - 1, T), (B, T, T + 1)])
def test_a_block_mask_of_another_batch_is_refused(shape):
    blocks = block_mask(causal() & padding(torch.ones(shape[0], dtype=torch.long)), *shape)
    with pytest.raises(ValueError, match=r"a block mask for B, T, S = \[2, 150, 150\]; got one for"):
        attend_blocks(*qkv(), blocks)
    with pytest.raises(ValueError, match=r"a block mask for B, T, S"):
        attend(*qkv(), blocks)


@gpu
@pytest.mark.gpu
@pytest.mark.parametrize("name", MASKS)
def test_on_a_gpu_the_compiled_kernel_gives_the_same_forwards_and_backwards(name, unchecked):
    q, k, v = (x.requires_grad_() for x in qkv(device="cuda"))
    mask = MASKS[name].dense(B, T, T).cuda()
    output = attend(q, k, v, block_mask(MASKS[name], B, T, T, "cuda"))
    expected, _ = attend_reference(q, k, v, mask)
    torch.testing.assert_close(output, expected, atol=2e-3, rtol=2e-3)
    upstream = torch.randn_like(output)
    for a, b in zip(*(torch.autograd.grad(out, (q, k, v), upstream) for out in (output, expected)), strict=True):
        torch.testing.assert_close(a, b, atol=5e-3, rtol=5e-3)


@gpu
@pytest.mark.gpu
def test_on_a_gpu_a_causal_layer_takes_the_flash_kernel():
    layer, x = (
        MultiHeadAttention(256, 4).to("cuda", torch.bfloat16),
        torch.randn(2, 512, 256).to("cuda", torch.bfloat16),
    )
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        layer(x, causal())
    assert any("flash" in event.key.lower() for event in profile.key_averages())
