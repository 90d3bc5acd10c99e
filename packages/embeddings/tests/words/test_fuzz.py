"""Whatever a file of vectors or words holds, it is read, or refused in our words: no other error."""

import warnings

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from embeddings import read_vectors, write_vectors

FIELDS = st.sampled_from(
    ["the", "2", "1.5", "-1e300", "nan", "1e-400", "é", "\u2028", "\xa0", "\ufeff", "\r", "", "0x1"]
)
LINES = st.lists(st.lists(FIELDS, max_size=4).map(" ".join), max_size=5)
CONTENTS = LINES.map(lambda lines: "\n".join(lines).encode()) | st.binary(max_size=40)


@pytest.mark.parametrize("times", [100, pytest.param(20_000, marks=pytest.mark.slow)])
def test_vectors_are_read_or_refused(tmp_path, times):
    path = tmp_path / "vectors.txt"

    @settings(max_examples=times, deadline=10_000, suppress_health_check=list(HealthCheck), database=None)
    @given(CONTENTS)
    def run(content: bytes) -> None:
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

    run()
