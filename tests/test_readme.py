"""What the READMEs promise about commands, order and examples holds."""

import ast
import code
import re
import subprocess
import sys
from pathlib import Path
from types import CodeType

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
MEMBERS = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml") if path.parts[-3] in {"packages", "apps"})
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_ci_runs_the_two_commands_of_the_readme_and_holds_none_of_its_own() -> None:
    run = subprocess.run(["bash", ".ci/run", "--commands"], cwd=ROOT, capture_output=True, text=True, check=True)
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert run.stdout.splitlines() == [block.strip().replace("\n", " && ") for block in blocks[:2]]
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert not [command for command in run.stdout.splitlines() if command in script]


def test_the_map_and_the_ladder_name_every_member() -> None:
    for folder in MEMBERS:
        name = f"{folder.parent.name}/{folder.name}"
        assert f"]({name})" in README, f"{name} is missing in the map"
        assert f"]({name}/README.md)" in README, f"{name} is missing in the ladder"


def test_every_local_link_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    for page in [*pages, *(page for folder in MEMBERS for page in (folder / "README.md", *folder.glob("docs/*.md")))]:
        for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}, which is not there"


@pytest.mark.parametrize("folder", MEMBERS, ids=lambda folder: folder.name)
def test_every_lesson_has_examples_that_end_in_an_assertion(folder: Path) -> None:
    blocks = BLOCK.findall((folder / "README.md").read_text("utf-8"))
    assert blocks, "a lesson needs a smallest runnable example"
    for block in blocks:
        assert isinstance(last_statement(ast.parse(block).body), ast.Assert), f"wanted a final assert, got:\n{block}"


class Prompt(code.InteractiveConsole):
    """Python's prompt, which reads a line at a time: what it cannot parse is kept, what it can is not run."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[str] = []

    def runcode(self, code: CodeType) -> None:
        pass

    def showsyntaxerror(self, filename: str | None = None, **options: object) -> None:
        self.complaints.append(str(sys.exc_info()[1]))


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *(folder / "README.md" for folder in MEMBERS)], ids=lambda page: page.parent.name
)
def test_every_example_can_be_pasted_into_the_prompt(page: Path) -> None:
    """There an empty line ends a function, and what stands below one without an empty line between is an error."""
    for block in BLOCK.findall(page.read_text("utf-8")):
        prompt = Prompt()
        for line in [*block.splitlines(), ""]:
            prompt.push(line)
            assert not prompt.complaints, f"at the line {line!r}: {prompt.complaints}"
        assert not prompt.buffer, f"wanted a block that ends, got:\n{block}"


def last_statement(body: list[ast.stmt]) -> ast.stmt:
    """The last one but for a `del` that lets go of a file, looked for inside a final `with` too."""
    last = [statement for statement in body if not isinstance(statement, ast.Delete)][-1]
    return last_statement(last.body) if isinstance(last, ast.With) else last


LESSONS = re.findall(r"\]\(packages/(\w+)/README\.md\)", README[README.index("\n## The ladder\n") :])
TERM = re.compile(r"^\| \[(.+?)\]\(\.\./packages/(\w+)/README\.md#(.+?)\) \| .{20,}\|$", re.MULTILINE)
EXPLAINED_FIRST = {
    "logit",
    "softmax",
    "cross-entropy",
    "nats",
    "residual",
    "tying",
    "warm-up",
    "rotary",
    "bits per byte",
}


def prose(lesson: str) -> str:
    return re.sub(r"^```.*?^```$", "", (ROOT / "packages" / lesson / "README.md").read_text("utf-8"), flags=re.S | re.M)


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_the_glossary_leads_to_where_each_term_is_explained() -> None:
    """The linked section is there and says the term; where a lesson needs a term first, it explains it there."""
    rows = TERM.findall((ROOT / "docs" / "glossary.md").read_text("utf-8"))
    assert {term for term, _, _ in rows} >= EXPLAINED_FIRST
    assert [LESSONS.index(lesson) for _, lesson, _ in rows] == sorted(LESSONS.index(lesson) for _, lesson, _ in rows)
    for term, lesson, anchor in rows:
        sections = re.split(r"^#+ (.*)$", prose(lesson), flags=re.MULTILINE)
        found = {slug(heading): text for heading, text in zip(sections[1::2], sections[2::2], strict=True)}
        assert anchor in found, f"{term}: wanted a section of {lesson} for #{anchor}, got {sorted(found)}"
        assert re.search(rf"{re.escape(term)}", anchor + found[anchor], re.IGNORECASE), f"{term} is not in {anchor}"
        if term in EXPLAINED_FIRST:
            first = next(each for each in LESSONS if re.search(rf"\b{term}\b", prose(each), re.IGNORECASE))
            assert first == lesson, f"{term} comes in {first} first: explain it there"
            assert re.search(rf"\*+{term}\*+", found[anchor], re.IGNORECASE), f"{term}: wanted it marked as a new word"


def test_every_lesson_ends_with_its_rungs_and_the_next_lesson() -> None:
    climbed: list[str] = []
    for lesson, following in zip(LESSONS, [*LESSONS[1:], "ladder"], strict=True):
        last = prose(lesson).rstrip().splitlines()[-1]
        assert last.endswith(f"{following}/README.md)."), (
            f"wanted {lesson} to end with a link to {following}, got {last!r}"
        )
        climbed += re.findall(r"`(\w+)`", last)
    rungs = {path.stem for path in (ROOT / "apps" / "ladder" / "src" / "ladder" / "rungs").glob("*/*.py")} - {
        "__init__"
    }
    assert sorted(climbed) == sorted(rungs)
