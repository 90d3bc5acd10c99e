"""What an extra brings is imported when it is used, and named when it is not there."""

import json

import pytest

from workbench import require


def test_what_is_there_is_given():
    assert require("json", "dataio", "hub") is json


@pytest.mark.parametrize("module", ["no_such_module", "json.no_such_module"])
def test_what_is_not_there_is_named_with_its_extra(module):
    expected = rf"^wanted {module}, but it cannot be imported \(No module .*\); install the extra: dataio\[hub\]$"
    with pytest.raises(ImportError, match=expected) as caught:
        require(module, "dataio", "hub")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
