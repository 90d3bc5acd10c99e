import pytest

from gpt2.slips import slip


@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], ["--steps", "10"], ["--steps=10"], ["--steps"], ["--text", "ten"], ["--steps", "None"]],
)
def test_what_is_typed_right_passes(arguments):
    assert slip(arguments) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["book.txt"], ["wanted options", "got 'book.txt'", "--text book.txt"]),
        (["--out", "run", "--steps", "ten"], ["--steps: wanted a whole number", "got 'ten'", "leave --steps out"]),
        (["--learning-rate=fast"], ["--learning-rate: wanted a number", "got 'fast'"]),
    ],
)
def test_slips_are_explained(arguments, words):
    found = slip(arguments)
    assert found is not None
    assert all(word in found for word in words)
