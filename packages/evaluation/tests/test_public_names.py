"""Every public name is there, and none is hidden by a module or wing of that name."""

import pkgutil
from importlib import import_module
from types import ModuleType

import pytest

import evaluation


def test_every_public_name_loads_and_stays_when_all_modules_are_there():
    for module in pkgutil.walk_packages(evaluation.__path__, "evaluation."):
        if not module.name.endswith("lm_eval_adapter"):  # needs its extra
            import_module(module.name)
    found = {name: getattr(evaluation, name) for name in evaluation.__all__}
    assert [name for name, value in found.items() if value is None or isinstance(value, ModuleType)] == []
    assert set(evaluation.__all__) <= set(dir(evaluation))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No evaluation attribute score_text"):
        evaluation.score_text  # noqa: B018
