import pytest

import dataio
from dataio.texts.hub_address import parse_address


@pytest.mark.parametrize(
    ("address", "parts"),
    {
        "hf://datasets/lab/tales": ("lab/tales", None, None),
        "hf://datasets/lab/tales@v1.0/sample/10BT": ("lab/tales", "v1.0", "sample/10BT/*"),
        "hf://datasets/lab/tales@refs/convert/parquet/a/*.parquet": (
            "lab/tales",
            "refs/convert/parquet",
            "a/*.parquet",
        ),
        "hf://datasets/lab/tales@a%2Fb/": ("lab/tales", "a/b", None),
    }.items(),
)
def test_addresses_are_taken_apart(address, parts):
    assert parse_address(address) == parts


def test_another_form_is_refused():
    with pytest.raises(ValueError, match=r"wanted hf://datasets/OWNER/NAME.*got 'hf://lab/tales'; copy"):
        dataio.stream_text("hf://lab/tales")
