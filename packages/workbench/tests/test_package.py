"""Importing costs nothing, and every public name is there."""

import ast
from pathlib import Path

import workbench


def test_importing_loads_nothing_but_lazy_loader(python):
    program = (
        "import sys, lazy_loader; before = set(sys.modules); import workbench\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    assert python(program).communicate() == ("workbench\n", "")


def test_using_it_all_loads_no_torch_and_no_library_before_it_is_needed(python):
    program = (
        "import sys; from workbench import *; import workbench\n"
        "print(*(name for name in ('torch', 'numpy', 'tyro', 'tqdm', 'platformdirs') if name in sys.modules))"
    )
    assert python(program).communicate() == ("\n", "")


def test_everything_public_is_there_once_and_explained():
    stub = ast.parse(Path(workbench.__file__).with_name("__init__.pyi").read_text("utf-8"))
    names = [alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(names) == sorted(set(names)) == sorted(workbench.__all__)
    for name in names:
        found = getattr(workbench, name)
        assert found.__doc__ or name == "Progress", name  # an annotation, explained in its module


def test_no_module_bears_the_name_of_an_export():
    folder = Path(workbench.__file__).parent
    assert not {path.stem for path in folder.iterdir()} & set(workbench.__all__)
