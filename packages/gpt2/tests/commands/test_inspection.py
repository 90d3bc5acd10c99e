"""`gpt2 inspect` counts every parameter once."""

import pytest


def test_inspect_counts_every_parameter_once(folder, model, command):
    code, output, _ = command("inspect", folder)
    assert code == 0
    lines = {line[:20].strip(): line[20:].split() for line in output.splitlines() if line.strip()}
    parts = ("token embedding", "position embedding", "attention, in", "attention, out")
    parts += ("feed-forward, up", "feed-forward, down", "norms")
    counts = [int(lines[part][0].replace(",", "")) for part in parts]
    assert sum(counts) == sum(p.numel() for p in model.parameters()) == int(lines["in all"][0].replace(",", ""))
    weight = model.token_embedding.weight.detach()
    low, high, deviation = map(float, lines["token embedding"][2:])
    assert (low, high) == pytest.approx((float(weight.min()), float(weight.max())), abs=1e-4)
    assert deviation == pytest.approx(float(weight.std(correction=0)), abs=1e-4)
    assert "float32" in output
