"""Every public name is there, lazily, and the list of names, their modules and the types agree."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import decoding


def test_every_public_name_loads():
    assert [name for name in decoding.__all__ if getattr(decoding, name, None) is None] == []
    assert set(decoding.__all__) <= set(dir(decoding))


def test_names_for_type_checkers_are_the_names_that_load():
    tree = ast.parse(Path(decoding.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    named = {(alias.name, node.module) for node in block.body for alias in node.names}
    assert named == set(decoding._MODULE.items())
    assert {name for name, _ in named} == set(decoding.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'decoding' has no attribute 'beam'"):
        decoding.beam  # noqa: B018


def test_importing_the_package_and_its_settings_needs_no_torch():
    program = "import sys, decoding; decoding.GenerationSettings(); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


@pytest.mark.parametrize("use", ["decoding.lm_eval_model(None, None)", "import evaluation.tasks.lm_eval_adapter"])
def test_the_adapter_for_lm_eval_names_its_extra(use):
    program = f"import sys; sys.modules['lm_eval'] = None; import decoding; {use}"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stderr.endswith("ImportError: wanted lm-eval, got none; install the extra: decoding[lm-eval]\n")
