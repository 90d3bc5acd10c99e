"""Keys and values in eight bits."""

import pytest
import torch

import quantization
from quantization.commands.main import main


def test_keys_and_values_in_eight_bits_take_less_and_change_little(model, source, tmp_path, capsys):
    small = quantization.with_small_cache(quantization.quantize(model))
    cache, wide = small.new_cache(2, 40), model.new_cache(2, 40)
    assert cache.keys[0].dtype == torch.int8
    held = [t.nbytes for part in (cache.keys, cache.values, cache.key_scales, cache.value_scales) for t in part]
    assert sum(held) < 0.35 * sum(t.nbytes for part in (wide.keys, wide.values) for t in part)
    tokens = torch.arange(30).reshape(2, 15)
    with torch.inference_mode():
        ours, theirs = small(tokens, cache=cache), model(tokens, cache=wide)
    assert (ours - theirs).norm() < 0.03 * theirs.norm()
    with pytest.raises(ValueError, match=r"cache length: wanted 1\.\.48 \(n_ctx\), got 49; "):
        small.new_cache(1, 49)
    assert main(["convert", str(source), "--out", str(tmp_path / "small")]) == 0
    capsys.readouterr()
    asked = ["generate", str(tmp_path / "small"), "--prompt", "a list", "--max-new-tokens", "5", "--temperature", "0"]
    assert main([*asked, "--cache", "int8"]) == 0
    assert capsys.readouterr().out.startswith("a list")
