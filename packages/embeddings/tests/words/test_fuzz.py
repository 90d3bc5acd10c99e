"""Whatever a file of vectors holds and whatever is set: read or taken, or refused in our words: no other error."""

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import strategies as st

import embeddings
from embeddings import read_vectors, write_vectors

FIELDS = st.sampled_from(
    ["the", "2", "1.5", "-1e300", "nan", "1e-400", "é", "\u2028", "\xa0", "\ufeff", "\r", "", "0x1"]
)
LINES = st.lists(st.lists(FIELDS, max_size=4).map(" ".join), max_size=5)
CONTENTS = LINES.map(lambda lines: "\n".join(lines).encode()) | st.binary(max_size=40)


def test_vectors_are_read_or_refused(fuzz, tmp_path):
    path = tmp_path / "vectors.txt"

    def claim(content: bytes) -> None:
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                found = read_vectors(path)
            except ValueError as error:
                if not str(error).startswith("wanted "):
                    raise AssertionError(f"not in our words: {error!r}") from error
                return
        write_vectors(tmp_path / "again.txt", found)
        assert read_vectors(tmp_path / "again.txt").words == found.words

    fuzz(claim, 150, content=CONTENTS)
    fuzz(claim, 60, content=fuzz.spoiled(b"2 3\nthe 1 2 3\ncat 4 5 6\n", b"the 1 2\r\ncat 3 4\r\n"))


POINTS = torch.arange(24.0).reshape(8, 3).sin()
SETTINGS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "TokenEmbedding": (embeddings.TokenEmbedding, {"n_vocab": 4, "n_embd": 2, "padding_id": 1, "scale": 1.0}),
    "grow_vocabulary": (
        lambda n_vocab: embeddings.grow_vocabulary(embeddings.TokenEmbedding(4, 2), n_vocab),
        {"n_vocab": 6},
    ),
    "LearnedPositions": (embeddings.LearnedPositions, {"n_ctx": 4, "n_embd": 2}),
    "RotaryPositions": (
        lambda **given: embeddings.RotaryPositions(**given)(torch.ones(1, 1, 3, 4), torch.arange(3)),
        {"head_size": 4, "base": 10_000.0, "rotated": 2},
    ),
    "sinusoidal_positions": (
        lambda **given: embeddings.sinusoidal_positions(torch.arange(3), **given),
        {"n_embd": 4, "base": 10_000.0},
    ),
    "wavelengths": (embeddings.wavelengths, {"n_channels": 4, "base": 10_000.0}),
    "alibi_slopes": (embeddings.alibi_slopes, {"n_head": 4}),
    "linear_scaling": (lambda factor: embeddings.linear_scaling(factor)(4, 1e4), {"factor": 2.0}),
    "ntk_scaling": (lambda factor: embeddings.ntk_scaling(factor)(4, 1e4), {"factor": 2.0}),
    "yarn_scaling": (
        lambda **given: embeddings.yarn_scaling(**given)(4, 1e4),
        {"factor": 2.0, "n_ctx": 16, "fast": 32.0, "slow": 1.0},
    ),
    "HashedNgrams": (embeddings.HashedNgrams, {"n_buckets": 4, "n_embd": 2, "shortest": 3, "longest": 4}),
    "skip_gram": (
        lambda **given: embeddings.skip_gram(["a", "b", "c", "d"] * 30, **{"epochs": 1, "least": 1, **given}),
        {"n_embd": 2, "window": 1, "negatives": 1, "least": 1, "frequent": 1e-3, "learning_rate": 0.01, "seed": 0},
    ),
    "nearest_rows": (
        lambda **given: embeddings.nearest_rows(POINTS, POINTS, **given),
        {"k": 2, "block_bytes": 2**20},
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_any_setting_is_taken_or_refused(fuzz, name):
    call, right = SETTINGS[name]

    def claim(changes: dict[str, Any]) -> None:
        with fuzz.answer(), contextlib.suppress(TypeError):  # Python's own words for what is no number at all
            call(**{**right, **changes})

    call(**right)
    fuzz(claim, 30, changes=st.dictionaries(st.sampled_from(sorted(right)), fuzz.wild(), min_size=1, max_size=2))
