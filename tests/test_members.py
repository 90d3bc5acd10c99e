"""Every member is made alike, depends downwards only, and breaks when it does not."""

import importlib
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def metadata(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))


SETTINGS = metadata(ROOT)
LAYERS = [re.split(r"\s*\|\s*", layer) for layer in SETTINGS["tool"]["importlinter"]["contracts"][0]["layers"]]
HEIGHT = {name: height for height, names in enumerate(reversed(LAYERS)) for name in names}
FOLDERS = {path.parent.name: path.parent for path in ROOT.glob("*/*/pyproject.toml") if path.parent.name in HEIGHT}


def siblings(name: str) -> dict[str, str]:
    """What a member's plain dependencies and extras ask of other members: name to the whole requirement."""
    project = metadata(FOLDERS[name])["project"]
    requirements = sum(project.get("optional-dependencies", {}).values(), list(project["dependencies"]))
    named = {re.match(r"[\w-]+", requirement)[0].replace("-", "_"): requirement for requirement in requirements}  # type: ignore[index]
    return {sibling: requirement for sibling, requirement in named.items() if sibling in FOLDERS}


def test_layers_name_every_member_and_every_folder_is_one() -> None:
    folders = {path.parent.name for kind in ("packages", "apps") for path in (ROOT / kind).glob("*/pyproject.toml")}
    assert FOLDERS.keys() == HEIGHT.keys() == folders


@pytest.mark.parametrize("name", HEIGHT)
def test_siblings_stand_below_and_are_pinned_to_our_version(name: str) -> None:
    for sibling, requirement in siblings(name).items():
        assert HEIGHT[sibling] < HEIGHT[name], f"{name} asks for {sibling}, which stands above it"
        assert requirement.endswith(f"=={SETTINGS['project']['version']}"), f"{name} leaves {requirement} to strangers"


@pytest.mark.parametrize("name", HEIGHT)
def test_members_share_version_and_python_and_cannot_be_uploaded(name: str) -> None:
    project = metadata(FOLDERS[name])["project"]
    assert project["version"] == SETTINGS["project"]["version"]
    assert project["requires-python"] == SETTINGS["project"]["requires-python"]
    assert "Private :: Do Not Upload" in project["classifiers"]
    assert (FOLDERS[name] / "src" / name / "py.typed").exists()


@pytest.mark.parametrize("name", HEIGHT)
def test_no_module_hides_behind_an_export_of_the_same_name(name: str) -> None:
    package = importlib.import_module(name)
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)} - {"contract"}  # is the export itself
    assert not modules & set(getattr(package, "__all__", ()))


def linted(sources: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"]
    return subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of all sources that import-linter passes."""
    for name, folder in FOLDERS.items():
        shutil.copytree(folder / "src" / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    result = linted(tmp_path)
    assert result.returncode == 0, result.stdout
    return tmp_path


def plant(module: Path, line: str) -> None:
    with (module if module.suffix else module / "__init__.py").open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


def test_an_upward_import_breaks_the_order_of_the_packages(house: Path) -> None:
    plant(house / "attention", "import transformer")
    broken = linted(house)
    assert broken.returncode == 1
    assert "attention is not allowed to import transformer" in broken.stdout


def test_every_package_has_a_contract_and_an_upward_import_between_its_wings_breaks_it(house: Path) -> None:
    contracts = SETTINGS["tool"]["importlinter"]["contracts"][1:]
    wings = {contract["name"].removesuffix(": wings"): contract["layers"] for contract in contracts}
    assert wings.keys() >= {name for name, folder in FOLDERS.items() if folder.parent.name == "packages"}
    planted = []
    for name, layers in wings.items():
        highest, lowest = layers[0].split(" | ")[0], layers[-1].split(" | ")[-1]
        module = house / name / lowest
        plant(module if module.is_dir() else module.with_suffix(".py"), f"from {name} import {highest}")
        planted.append(f"{name}.{lowest} is not allowed to import {name}.{highest}")
    broken = linted(house)
    assert broken.returncode == 1
    assert not [line for line in planted if line not in broken.stdout]
