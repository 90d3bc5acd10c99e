"""Every public name is there, lazily; none is hidden by the wing of that name."""

import subprocess
import sys

import pytest

import evaluation

PROGRAM = """
import sys, pkgutil, importlib, evaluation
from evaluation.commands.settings import Compare
print("torch" in sys.modules)
for module in pkgutil.walk_packages(evaluation.__path__, "evaluation."):
    if not module.name.endswith("lm_eval_adapter"):  # needs its extra
        importlib.import_module(module.name)
wings = [name for name in evaluation.__all__ if type(getattr(evaluation, name)) is type(sys)]
print(wings, callable(evaluation.perplexity))
"""


def test_every_public_name_loads():
    assert [name for name in evaluation.__all__ if getattr(evaluation, name, None) is None] == []
    assert set(evaluation.__all__) <= set(dir(evaluation))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No evaluation attribute score_text"):
        evaluation.score_text  # noqa: B018


def test_importing_the_package_needs_no_torch_and_no_wing_hides_a_name():
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["False", "[] True"]
