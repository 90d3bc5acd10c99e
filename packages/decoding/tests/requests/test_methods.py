"""Who decodes in one way refuses settings of another, instead of leaving half of them out."""

import pytest

import decoding
from decoding import Batch, DraftModel, GenerationSettings, PromptLookup, beam_search, explain, generate_speculatively
from decoding.methods.contrastive import contrastive_search

BEAMS = GenerationSettings(beams=3)
CONTRASTIVE = GenerationSettings(penalty_alpha=0.6, top_k=4, temperature=0)
LOOK_UP = GenerationSettings(prompt_lookup_tokens=4)


@pytest.mark.parametrize(
    ("settings", "name"), [(BEAMS, "beams=3"), (CONTRASTIVE, "penalty_alpha=0.6"), (LOOK_UP, "prompt_lookup_tokens=4")]
)
def test_a_batch_refuses_settings_of_another_method_and_goes_on(tiny_model, settings, name):
    batch = Batch(tiny_model)
    row = batch.add([1], GenerationSettings(max_new_tokens=2))
    with pytest.raises(ValueError, match=f"got {name}, which is another method"):
        batch.add([1], settings)
    batch.run()
    assert len(row.ids) == 2


def test_every_method_refuses_the_settings_of_the_others(tiny_model):
    lookup, draft = PromptLookup(4), DraftModel(tiny_model)
    refused = [
        lambda: beam_search(tiny_model, [[1]], CONTRASTIVE),
        lambda: beam_search(tiny_model, [[1]], LOOK_UP),
        lambda: contrastive_search(tiny_model, [1], BEAMS),
        lambda: contrastive_search(tiny_model, [1], GenerationSettings()),
        lambda: generate_speculatively(tiny_model, lookup, [[1]], BEAMS),
        lambda: generate_speculatively(tiny_model, draft, [[1]], CONTRASTIVE),
        lambda: generate_speculatively(tiny_model, draft, [[1]], LOOK_UP),
        lambda: generate_speculatively(tiny_model, draft, [[1]], GenerationSettings(log_probabilities=2)),
        lambda: generate_speculatively(tiny_model, draft, [[1]], GenerationSettings(when_full="drop_oldest_half")),
        lambda: explain(tiny_model, [1], BEAMS),
        lambda: explain(tiny_model, [1], CONTRASTIVE),
    ]
    for attempt in refused:
        with pytest.raises(ValueError, match=r"wanted settings|must be"):
            attempt()
    assert generate_speculatively(tiny_model, lookup, [[1]], LOOK_UP)[0].ids


@pytest.mark.parametrize("beams", [1, 2])
@pytest.mark.parametrize("constraints", [[], [None], [None] * 3])
def test_as_many_constraints_as_prompts_are_wanted(tiny_model, constraints, beams):
    with pytest.raises(ValueError, match=f"wanted constraints for 2 prompts, got {len(constraints)}; give"):
        decoding.generate_ids(tiny_model, [[1], [2]], GenerationSettings(beams=beams), constraints=constraints)
