"""The pages of the site: the Markdown of the repository with links of the site, and the sources that it links to."""

import ast
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import quote

ROOT = Path(__file__).parents[1]
PICTURES = {".png", ".svg"}
LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^()\s]+)(\))")
FENCED = re.compile(r"^(?P<fence>`{3,}|~{3,})[^\n]*\n.*?^(?P=fence)`*\s*?$", re.DOTALL | re.MULTILINE)
MERMAID = re.compile(r"^```mermaid\n(.*?)^```\n", re.DOTALL | re.MULTILINE)

LANGUAGES = {".py": "python", ".pyi": "python", ".toml": "toml"}


def members() -> list[str]:
    """Folders of all packages and apps, in reading order."""
    text = (ROOT / "noxfile.py").read_text("utf-8")
    names: dict[str, list[str]] = {}
    for node in ast.parse(text).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Name) and target.id in ("PACKAGES", "APPS"):
            names[target.id] = ast.literal_eval(node.value)
    return [f"packages/{name}" for name in names["PACKAGES"]] + [f"apps/{name}" for name in names["APPS"]]


def markdown_pages() -> list[PurePosixPath]:
    """All Markdown of the repository, as git knows it."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, text=True, capture_output=True, check=True
    )
    return [PurePosixPath(line) for line in listed.stdout.splitlines()]


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """`change` applied to what is not in a fenced block."""
    parts, last = [], 0
    for found in FENCED.finditer(text):
        parts += [change(text[last : found.start()]), found[0]]
        last = found.end()
    return "".join([*parts, change(text[last:])])


class Pages:
    """What the site is built from: a folder of Markdown that has the tree of the repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources: set[PurePosixPath] = set()

    def write(self, page: PurePosixPath | str, text: str) -> None:
        path = self.folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def copy(self, page: PurePosixPath) -> None:
        """One Markdown page, its links made links of the site, and what stands below it in the table of contents."""
        text = (ROOT / page).read_text("utf-8")
        if page.name != "README.md" and "```python" in text:
            raise ValueError(f"{page}: wanted Python blocks in README.md alone, where tests run them; move it there")
        text = MERMAID.sub(lambda found: floors(found[1]), text).replace("```csv\n", "```text\n")
        text = outside_fences(text, lambda part: LINK.sub(lambda found: self.linked(page, found), part))
        self.write(staged(page), text + contents_below(page))

    def linked(self, page: PurePosixPath, found: re.Match[str]) -> str:
        target, hash_sign, anchor = found[2].partition("#")
        if "://" in target or target.startswith("mailto:") or not target:
            return found[0]
        path = PurePosixPath(*normal((page.parent / target).parts))
        if not (ROOT / path).exists():
            raise ValueError(f"{page}: wanted a file or folder of the repository, got the link {found[2]}; correct it")
        return f"{found[1]}{relative(self.place(path), staged(page).parent)}{hash_sign}{anchor}{found[3]}"

    def place(self, path: PurePosixPath) -> PurePosixPath:
        """The page that stands for a file or folder; pictures are copied as they are."""
        if path.suffix == ".md":
            return staged(path)
        if path.suffix in PICTURES:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, self.folder / path)
            return path
        if (ROOT / path).is_dir():
            if (ROOT / path / "README.md").is_file():
                return path / "README.md"
            path = path / "README"
        self.sources.add(path)
        return path.with_name(f"{path.name}.source.md")

    def write_sources(self) -> None:
        """The pages that stand for sources and folders; a folder's page leads to more of them."""
        done: set[PurePosixPath] = set()
        while left := sorted(self.sources - done):
            for path in left:
                done.add(path)
                head = "---\norphan: true\nnosearch: true\n---\n\n"
                text = self.listing(path) if path.name == "README" else listed(path)
                self.write(path.with_name(f"{path.name}.source.md"), head + text)

    def listing(self, path: PurePosixPath) -> str:
        folder = path.parent
        lines = [f"# {folder}/", ""]
        for inside in sorted((ROOT / folder).iterdir()):
            if inside.suffix in (".py", ".pyi") and inside.name != "__init__.py":
                here = folder / inside.name
                place = relative(self.place(here), folder)
                lines.append(f"- [`{inside.name}`]({place}): {first_sentence(inside)}")
        return "\n".join(lines) + "\n"


def staged(page: PurePosixPath) -> PurePosixPath:
    return PurePosixPath("index.md") if page == PurePosixPath("README.md") else page


def normal(parts: Iterable[str]) -> list[str]:
    found: list[str] = []
    for part in parts:
        if part == "..":
            found.pop()
        elif part != ".":
            found.append(part)
    return found


def relative(path: PurePosixPath, start: PurePosixPath) -> str:
    same = 0
    for one, other in zip(path.parts, start.parts, strict=False):
        if one != other:
            break
        same += 1
    return quote("/".join([".."] * (len(start.parts) - same) + list(path.parts[same:])))


def listed(path: PurePosixPath) -> str:
    """A source file as a page."""
    text = (ROOT / path).read_text("utf-8")
    fence = "`" * (max([2, *map(len, re.findall(r"`+", text))]) + 1)
    return f"# {path}\n\n{fence}{LANGUAGES.get(path.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"


def first_sentence(path: Path) -> str:
    said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return re.split(r"(?<=[.!?:])\s|\n\n", said, maxsplit=1)[0].replace("\n", " ") if said else "the public names"


def floors(diagram: str) -> str:
    """A diagram of Mermaid, which only draws with a script, as a table of its floors, from the roof down."""
    rows: dict[str, list[str]] = {}
    title = ground = "The common ground"
    for line in map(str.strip, diagram.splitlines()):
        if found := re.match(r"subgraph \w+ \[(.*)\]", line):
            title = found[1]
        elif line == "end":
            title = ground
        elif found := re.match(r"(\w+)(?:\[\"\w+<br/>(.*)\"\])?$", line):
            rows.setdefault(title, []).append(f"`{found[1]}`" + (f" ({found[2]})" if found[2] else ""))
    lines = [f"| {floor} | {', '.join(names)} |" for floor, names in rows.items()]
    said = "Here are the floors, from the roof down; the page in the repository draws the arrows, too."
    return "\n".join([said, "", "| floor | packages |", "|---|---|", *lines]) + "\n"


def toctree(entries: Iterable[str], caption: str = "") -> str:
    head = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n\n```{toctree}\n" + "\n".join([*head, "", *entries]) + "\n```\n"


def contents_below(page: PurePosixPath) -> str:
    if page == PurePosixPath("README.md"):
        return toctree(
            ["lessons", "apps", "api/index", "docs/glossary", "docs/architecture", "CONTRIBUTING", "CHANGELOG"]
        )
    if page.name == "README.md":
        below = sorted((ROOT / page.parent / "docs").glob("*.md"))
        return toctree(f"docs/{path.stem}" for path in below) if below else ""
    return ""


def write_sections(pages: Pages) -> None:
    """Lessons in reading order, and the apps."""
    for name, title, under in (("lessons", "Lessons", "packages/"), ("apps", "Apps", "apps/")):
        chosen = [folder for folder in members() if folder.startswith(under)]
        lines = [f"# {title}", ""]
        for folder in chosen:
            text = (ROOT / folder / "README.md").read_text("utf-8")
            heading, _, rest = text.partition("\n")
            said = rest.strip().split("\n\n")[0].replace("\n", " ")
            said = LINK.sub(lambda found: found[1][1:-2] if not found[1].startswith("!") else "", said)
            said = re.split(r"(?<=[.?!])\s", said)[0]
            lines.append(f"1. [{heading.lstrip('# ')}]({folder}/README.md): {said}")
        pages.write(f"{name}.md", "\n".join(lines) + toctree(f"{folder}/README" for folder in chosen))
