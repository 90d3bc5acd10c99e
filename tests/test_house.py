"""The rule of the house: a top folder is a lesson, wings hold the rest, one concept has one home."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {path.parent.name: path.parent / "src" / path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")}
MEMBERS = PACKAGES | {
    path.parent.name: path.parent / "src" / path.parent.name for path in ROOT.glob("apps/*/pyproject.toml")
}
FACES = {"__init__.py", "__main__.py"}
MODULES = sorted(path for folder in MEMBERS.values() for path in folder.rglob("*.py") if path.name not in FACES)
PUBLIC_NAMES = [
    line for line in (ROOT / "tests" / "public_names.txt").read_text("utf-8").splitlines() if "#" not in line
]

# Modules shorter than 15 or longer than 250 lines, with the reason.
SIZES_EXCUSED: dict[str, str] = {}

# Wings that hand something on from their `__init__.py`, with the reason; `contract/` may always.
WINGS_EXCUSED: dict[str, str] = {}

# An exercise whose solution does by hand what has one home elsewhere.
TAUGHT = {ROOT / "apps" / "ladder" / "src" / "ladder" / "rungs" / "runs" / "checkpoint.py"}

# Besides what `workbench` exports: names that had several homes once, and the one where each is now.
HOMES = {
    "IGNORED": "tensors",
    "evaluating": "trainkit",
    "zero_outputs": "transformer",
}

# Names of `workbench` that mean something else in a package's own subject.
HOMONYMS = {
    "hold": "to try claims one by one, in the contracts of attention and embeddings",
    "nearest": "the whole number nearest to a weight, in quantization",
    "parsed": "a line of a file of word vectors, in embeddings",
    "shown": "a word on one line, in embeddings",
}


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name", MEMBERS)
def test_a_top_folder_is_what_one_reads(name: str) -> None:
    top = [path for path in MEMBERS[name].glob("*.py") if path.name not in FACES]
    assert len(top) <= 10, (
        f"{name} has {len(top)} modules at the top: wanted 10 at most, move what is looked up to a wing"
    )
    total = sum(map(lines, top))
    assert total <= 800, f"{name} has {total} lines at the top: wanted 800 at most, move what is looked up to a wing"


def test_no_module_is_a_crumb_or_a_slab() -> None:
    wrong = {shown(path): lines(path) for path in MODULES if not 15 <= lines(path) <= 250}
    assert wrong.keys() == SIZES_EXCUSED.keys(), f"wanted 15 to 250 lines, or a reason in SIZES_EXCUSED: {wrong}"


def test_wings_have_no_faces() -> None:
    wings = [path for folder in MEMBERS.values() for path in folder.rglob("*/__init__.py")]
    full = {shown(path) for path in wings if path.parent.name != "contract" and path.read_text("utf-8").strip()}
    assert full == WINGS_EXCUSED.keys(), "wanted an empty __init__.py, or a reason in WINGS_EXCUSED"


def definitions() -> dict[str, list[str]]:
    """Every name that some module defines at its top, with the modules that do."""
    found: dict[str, list[str]] = {}
    for path in MODULES:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names = [node.target.id]
            else:
                continue
            for name in names:
                found.setdefault(name, []).append(shown(path))
    return found


def test_each_common_helper_has_one_home() -> None:
    common = set(importlib.import_module("workbench").__all__) - HOMONYMS.keys()
    homes = HOMES | dict.fromkeys(common, "workbench")
    assert {"require", "typed", "tell_next", "spin_briefly", "shown_token", "counted", "sync", "slip"} <= homes.keys()
    defined = definitions()
    wrong = {name: defined.get(name, []) for name in homes if len(defined.get(name, [])) != 1}
    assert not wrong, "wanted one definition of each: delete the copies, or rename what is something else"
    moved = {
        name: defined[name] for name, home in homes.items() if not defined[name][0].startswith(f"packages/{home}/")
    }
    assert not moved, f"wanted them in {homes}"


def test_one_module_flushes_files_and_one_finds_the_cache() -> None:
    for text, home in (("os.fsync(", "durable.py"), ("platformdirs", "cache.py")):
        users = [shown(path) for path in MODULES if text in code_of(path) and path not in TAUGHT]
        assert users == [f"packages/workbench/src/workbench/files/{home}"]


def code_of(path: Path) -> str:
    """A module without its docstrings and comments."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            node.body = [part for part in node.body if not is_text(part)] or [ast.Pass()]
    return ast.unparse(tree)


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@pytest.mark.parametrize("line", PUBLIC_NAMES)
def test_public_names_import_as_before(line: str) -> None:
    package, _, name = line.rpartition(" -> ")[2].rpartition(".")
    assert hasattr(importlib.import_module(package), name)


def run(code: str, *arguments: str) -> str:
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_a_package_does_not_import_torch() -> None:
    load = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    run(f"{load}assert 'torch' not in sys.modules", *MEMBERS)


HELP = """
import contextlib, importlib, io, re, sys

def help_of(entry, *words):
    module, name = entry.split(":")
    text = io.StringIO()
    sys.argv = [name, *words, "--help"]
    with contextlib.redirect_stdout(text):
        try:
            code = getattr(importlib.import_module(module), name)()
        except SystemExit as end:
            code = end.code
    assert not code, f"{entry} {words}: exit code {code}"
    assert text.getvalue().startswith("usage: "), f"{entry} {words}: {text.getvalue()[:100]}"
    assert "torch" not in sys.modules, f"{entry} {words} imported torch"
    return text.getvalue()

for entry in sys.argv[1:]:
    found = re.match(r"usage: \\S+ \\[-h\\] \\{([\\w,-]+)\\}", help_of(entry))
    words = found[1].split(",") if found else ["predict"] if entry.startswith("mnist_trainer") else []
    for word in words:
        help_of(entry, word)
    print(entry, *words)
"""


def test_the_help_of_every_command_needs_no_torch() -> None:
    projects = [
        tomllib.loads((folder.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
        for folder in MEMBERS.values()
    ]
    entries = [entry for project in projects for entry in project.get("scripts", {}).values()]
    told = run(HELP, *entries).splitlines()
    assert [line.split()[0] for line in told] == entries
    words = {re.split(r"[.:]", line)[0]: line.split()[1:] for line in told}
    assert words["evaluation"] == ["score", "tasks", "compare"]
    assert words["decoding"] == ["generate"]
