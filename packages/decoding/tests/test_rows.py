"""What ends a row, and why."""

import dataclasses

import torch

from decoding import GenerationSettings, generate, generate_ids, stream

GREEDY = GenerationSettings(max_new_tokens=50, temperature=0)


def test_each_row_ends_at_its_own_stop_strings(models, tokenizer):
    table = torch.full((257, 257), -9.0)
    table[torch.arange(257), (torch.arange(257) + 1) % 257] = 9.0
    model = models.Table(table)
    settings = [dataclasses.replace(GREEDY, stop=stop) for stop in (("xyz", "fgh"), ("j",), ())]
    rows = generate_ids(model, [[97]] * 3, settings, decode_bytes=tokenizer.decode_bytes)
    assert [bytes(row.ids) for row in rows[:2]] == [b"bcdefgh", b"bcdefghij"]
    assert [row.finish_reason for row in rows] == ["stop", "stop", "max_new_tokens"]
    assert generate(model, tokenizer, ["a"], settings[0])[0].text == "bcde"
    pieces = list(stream(model, tokenizer, "a", settings[0]))
    assert "".join(pieces) == "bcde"
    held_back = list(stream(model, tokenizer, "a", dataclasses.replace(GREEDY, stop=("efX",), max_new_tokens=6)))
    assert held_back == ["b", "c", "d", "efg"], "what may begin a stop string waits until it is none"
