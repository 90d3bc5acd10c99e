"""A beam tree marks the hypotheses that went on, were kept, or were dropped."""

import pytest

from decoding import GenerationSettings, beam_search
from decoding.pictures.beam_tree import fates


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_beam_tree_marks_the_hypotheses_that_were_kept(tiny_model, early_stopping):
    settings = GenerationSettings(max_new_tokens=6, temperature=0, beams=3, early_stopping=early_stopping)
    search = beam_search(tiny_model, [[1, 2]], settings, end_of_text=7)[0][0]
    steps = fates(search)
    kept = [ids for step in steps for _, ids, fate in step if fate == "kept"]
    assert sorted(kept) == sorted(hypothesis.ids for hypothesis in search.finished)
    if len(steps) == 6:
        assert {fate for _, _, fate in steps[-1]} == {"kept", "dropped"}, "of the last step nothing goes on"
    assert {len(ids) for _, ids, _ in steps[2]} == {3}
    assert [fate for _, _, fate in steps[1]].count("went on") == 3
