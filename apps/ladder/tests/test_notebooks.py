"""A lesson as a notebook: everything of it, in order, in the form of nbformat 4.5."""

import json
from pathlib import Path

import pytest

from ladder.notebooks import LESSONS, lesson, notebook

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", LESSONS)
def test_cells_are_the_lesson(name: str) -> None:
    (readme,) = ROOT.glob(f"*/{name}/README.md")
    text = readme.read_text("utf-8")
    made = notebook(text)
    parts = []
    for cell in made["cells"]:
        assert cell["cell_type"] in ("markdown", "code")
        source = "".join(cell["source"])
        parts.append(f"```python\n{source}\n```" if cell["cell_type"] == "code" else source)
        if cell["cell_type"] == "code":
            compile(source, name, "exec")
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    assert "".join("\n\n".join(parts).split()) == "".join(text.split())
    ids = [cell["id"] for cell in made["cells"]]
    assert len(set(ids)) == len(ids)
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)


@pytest.mark.parametrize("name", ["workbench", "gpt2", "ladder"])  # they are there wherever ladder is
def test_the_lesson_is_the_readme_of_what_is_installed(name: str) -> None:
    (readme,) = ROOT.glob(f"*/{name}/README.md")
    installed = lesson(name)
    assert installed.startswith(f"# {name}\n")
    assert len(installed) > 0.8 * len(readme.read_text("utf-8")), "as it was when the package was installed"


def test_every_member_with_a_readme_is_a_lesson() -> None:
    readmes = {path.parent.name for path in ROOT.glob("*/*/README.md") if (path.parent / "pyproject.toml").exists()}
    assert set(LESSONS) <= readmes
    assert readmes - set(LESSONS) <= {"experiments"}


def test_the_command_writes_a_notebook_and_never_over_another(climb, capsys: pytest.CaptureFixture[str]) -> None:
    assert climb("lesson attention --notebook attention.ipynb") == 0
    assert json.loads(Path("attention.ipynb").read_text())["cells"][0]["source"][0] == "# attention\n"
    assert climb("lesson attention --notebook attention.ipynb") == 2
    assert "wanted a file that is not there yet" in capsys.readouterr().err
    assert climb("lesson attention") == 0
    assert capsys.readouterr().out.startswith("# attention\n")
