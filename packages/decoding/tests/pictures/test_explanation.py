"""A decision is shown as it is made: the last stage is what is drawn from."""

import pytest
import torch

from decoding import Explanation, GenerationSettings, beam_search, draw_beam_tree, explain, generate_ids
from workbench import drawable, legend

SETTINGS = GenerationSettings(max_new_tokens=1, temperature=1.5, top_k=5, top_p=0.9, repetition_penalty=1.4, seed=3)


def test_each_stage_is_the_distribution_after_the_steps_so_far(tiny_model):
    explanation = explain(tiny_model, [1, 2, 3], SETTINGS)
    assert explanation.stages == ("model", "repetition_penalty", "temperature", "top_k", "top_p")
    assert torch.allclose(explanation.probabilities[0], tiny_model(torch.tensor([[1, 2, 3]]))[0, -1].softmax(-1))
    assert torch.allclose(explanation.probabilities.sum(-1), torch.ones(5))
    assert (explanation.probabilities[3] > 0).sum() == 5
    assert explanation.chosen == generate_ids(tiny_model, [[1, 2, 3]], SETTINGS)[0].ids[0]


def test_the_table_has_a_row_a_token_and_a_star_at_the_chosen_one(models, tokenizer):
    model = models.Table(torch.randn(257, 257, generator=torch.Generator().manual_seed(0)) * 3)
    explanation = explain(model, "Hi", SETTINGS, tokenizer=tokenizer)
    lines = explanation.table(6).splitlines()
    assert lines[0].split() == ["token", *explanation.stages]
    assert sum(line.startswith("* ") for line in lines) == 1
    assert 9 <= len(lines) <= 10
    assert {len(line) for line in lines[:-1]} == {len(lines[0])}
    assert lines[-1] == r"(\xe4: the byte e4, a part of a character that takes several tokens)"
    assert legend(["a", " a"]) == []
    assert legend(["·a"]) == ["·: a space, ·x8: eight of them"]
    assert not any("\ufffd" in line for line in lines), "no stand-in that two tokens could share"


@pytest.mark.extras
def test_a_picture_draws_what_its_font_has_and_no_formulas(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra `plots`")
    words = {0: "$$", 1: "世", 2: "$x$", 3: r"\xe4"}  # a missing glyph would be a warning, and so an error here
    Explanation(("model",), torch.tensor([[0.1, 0.2, 0.3, 0.4]]), 1, words).picture(tmp_path / "a.png")
    assert drawable("aé世$") == r"aé\u4e16\$"


def test_a_text_needs_its_tokenizer(tiny_model):
    with pytest.raises(ValueError, match=r"wanted a tokenizer for a prompt of text, got none; pass"):
        explain(tiny_model, "Hi")


@pytest.mark.extras
def test_pictures_are_drawn(tiny_model, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra `plots`")
    picture = explain(tiny_model, [1, 2, 3], SETTINGS).picture(tmp_path / "a.png")
    settings = GenerationSettings(max_new_tokens=4, temperature=0, beams=3)
    search = beam_search(tiny_model, [[1, 2]], settings)[0][0]
    tree = draw_beam_tree(search, tmp_path / "b.png")
    for path in (picture, tree):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 5000
