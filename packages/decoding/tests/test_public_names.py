"""Every public name is there, lazily; `decoding` itself needs no torch."""

import subprocess
import sys

import pytest

import decoding


def test_every_public_name_loads():
    assert [name for name in decoding.__all__ if getattr(decoding, name, None) is None] == []
    assert set(decoding.__all__) <= set(dir(decoding))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No decoding attribute beam"):
        decoding.beam  # noqa: B018


def test_importing_the_package_and_its_settings_needs_no_torch():
    program = "import sys, decoding; decoding.GenerationSettings(); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
