"""Places by name: what a model has, and what is answered to a name that it has not."""

import pytest

from interpretability import PLACES, places_of
from interpretability.places import chosen_places, layer_of


def test_every_place_of_the_table_is_there_once_for_each_layer(each_model):
    places, n_layer = places_of(each_model), each_model.config.n_layer
    inner = [name for name in PLACES if name.startswith("L.")]
    assert len(places) == len(PLACES) - len(inner) + n_layer * len(inner)
    for name in inner:
        for layer in range(n_layer):
            assert places[f"{layer}{name[1:]}"].hook == PLACES[name].hook.replace("L", str(layer), 1)
    assert len({place.hook for place in places.values()}) == len(places)


def test_names_come_in_the_models_order_whatever_was_asked(model):
    wanted = ["logits", "*.resid_post", "embed", "0.resid_post"]
    assert chosen_places(model, wanted) == ["embed", "0.resid_post", "1.resid_post", "logits"]
    assert chosen_places(model, "*") == list(places_of(model))
    assert [layer_of(name) for name in ("embed", "11.attention.out")] == [None, 11]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("0.attention.head", "did you mean 0.attention.heads?"),
        ("0.mlp.hidden", "did you mean"),
        ("2.resid_pre", "its blocks are 0 to 1"),
        ("zzz", r"places_of\(model\) lists all"),
    ],
)
def test_an_unknown_place_is_answered_with_what_was_meant(model, name, advice):
    with pytest.raises(ValueError, match=f"wanted a place of this model, got '{name}'; .*{advice}"):
        chosen_places(model, name)


def test_no_place_and_no_gpt2_are_refused(model):
    with pytest.raises(ValueError, match="at least one place, got none"):
        chosen_places(model, [])
    with pytest.raises(TypeError, match=r"wanted a GPT-2 .*, got a DecoderStack"):
        places_of(model.decoder)
