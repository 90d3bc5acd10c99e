"""The page about the house tells the truth: its picture, its reading path, and what a new schedule touches."""

import ast
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
specification = importlib.util.spec_from_file_location("reading_path", ROOT / ".ci" / "reading_path.py")
reading_path = importlib.util.module_from_spec(specification)
specification.loader.exec_module(reading_path)


def declared() -> dict[str, set[str]]:
    """What each member asks of others, extras included."""
    found = {}
    for path in [*ROOT.glob("packages/*/pyproject.toml"), *ROOT.glob("apps/*/pyproject.toml")]:
        project = tomllib.loads(path.read_text("utf-8"))["project"]
        asked = sum(project.get("optional-dependencies", {}).values(), list(project["dependencies"]))
        found[path.parent.name] = {re.match(r"[\w-]+", requirement)[0].replace("-", "_") for requirement in asked}
    return {name: (asked & found.keys()) - {name} for name, asked in found.items()}


def below(name: str, asked: dict[str, set[str]]) -> set[str]:
    return asked[name].union(*(below(other, asked) for other in asked[name]))


def test_the_picture_shows_the_longest_ways_and_no_others() -> None:
    asked = declared()
    longest = {
        (name, other)
        for name in asked
        for other in asked[name]
        if not any(other in below(between, asked) for between in asked[name])
    }
    picture = re.search(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)[1]
    assert set(re.findall(r"^ +(\w+) --> (\w+)$", picture, re.MULTILINE)) == longest
    assert asked.keys() <= set(re.findall(r"\w+", picture))


@pytest.mark.parametrize(
    "package", sorted(path.name for path in (ROOT / "packages").iterdir() if (path / "src").exists())
)
def test_the_reading_path_names_every_module_at_the_top(package: str) -> None:
    read, looked_up = reading_path.PATH[package]
    top = {path.stem for path in (ROOT / "packages" / package / "src" / package).glob("*.py")} - {
        "__init__",
        "__main__",
    }
    assert top == {name for name in (*read, *looked_up) if "/" not in name}
    assert not set(read) & set(looked_up)


def public(package: str) -> dict[str, str]:
    """The module of each public name of a package, as its stub lists them."""
    stub = ast.parse(reading_path.source(package, "__init__").with_suffix(".pyi").read_text("utf-8"))
    lists = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: (node.module or alias.name).replace(".", "/") for node in lists for alias in node.names}


def imported(package: str, module: str) -> set[tuple[str, str]]:
    """The modules of this house that a module imports, anywhere in it; names of a package count for their modules."""
    found = set()
    for node in ast.walk(ast.parse(reading_path.source(package, module).read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        here = [package, *module.split("/")]
        base = here[: len(here) - node.level] if node.level else []
        other, *inner = [*base, *(node.module.split(".") if node.module else [])]
        if other in reading_path.PATH:
            names = {} if inner else public(other)
            for alias in node.names:
                as_module = "/".join([*inner, alias.name])
                is_module = reading_path.source(other, as_module).exists()
                found.add((other, as_module if is_module else names.get(alias.name, "/".join(inner))))
    return found


def test_the_reading_path_needs_no_module_of_it_before_its_turn() -> None:
    path = [(package, module) for package, (read, _) in reading_path.PATH.items() for module in read]
    assert ("attention", "reference") in imported("attention", "multi_head")
    assert ("trainkit", "loop") in imported("gpt2", "training/run")
    for place, step in enumerate(path):
        early = imported(*step) & set(path[place:])
        assert not early, f"{step} needs {early}: put them before it in .ci/reading_path.py"


@pytest.mark.parametrize("package", reading_path.PATH)
def test_a_lesson_lists_the_modules_as_the_path_does(package: str) -> None:
    lesson = (ROOT / "packages" / package / "README.md").read_text("utf-8").partition("\n## Read it\n")[2]
    listed = re.findall(rf"\(src/{package}/([\w/]+)\.py\)", lesson.partition("\n## ")[0])
    read, _ = reading_path.PATH[package]
    assert [module for module in listed if module in read] == read


def test_the_model_is_an_afternoon_and_the_whole_a_day_and_a_half() -> None:
    """With ten minutes for each lesson; an afternoon has three hours, a day eight, and half a day two."""
    minutes = {
        name: 10 + reading_path.minutes(reading_path.lines(name, path[0])) for name, path in reading_path.PATH.items()
    }
    assert sum(minutes[name] for name in ("embeddings", "attention", "transformer", "gpt2")) <= 180
    assert sum(minutes.values()) <= 600


def test_a_new_schedule_touches_what_the_page_says() -> None:
    """Every file of a package that names one of the schedules is linked in the row, and so are the recipes."""
    (row,) = re.findall(r"^\| a learning-rate schedule \| (.*) \|$", PAGE, re.MULTILINE)
    linked = {(ROOT / "docs" / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", row)}
    files = [path for ending in ("py", "pyi", "md") for path in ROOT.glob(f"packages/*/**/*.{ending}")]
    users = {path for path in files if re.search(r"\blinear_to_zero\b", path.read_text("utf-8"))}
    assert len(users) >= 6
    assert users | {reading_path.source("gpt2", "recipes")} <= linked, "wanted a link to each in docs/architecture.md"


def test_the_table_is_that_of_the_tree_within_a_tenth() -> None:
    begin, end = PAGE.index(reading_path.BEGIN), PAGE.index(reading_path.END)
    written = PAGE[begin + len(reading_path.BEGIN) : end].strip().splitlines()
    counted = [row.strip() for row in reading_path.table()]
    assert without_figures(written) == without_figures(counted), "python3 .ci/reading_path.py writes it again"
    for old, new in zip(figures(written), figures(counted), strict=True):
        assert abs(old - new) <= 0.1 * new, f"{old} lines are {new} now: python3 .ci/reading_path.py writes them again"


def figures(rows: list[str]) -> list[int]:
    return [int(row.split("|")[3].replace(",", "")) for row in rows[2:]]


def without_figures(rows: list[str]) -> list[str]:
    return [re.sub(r"\| [\d,]+ \| \d+ \|", "|", row) for row in rows]
