"""The site: lessons, reference pages, the public names of every package with their docstrings, and the sources behind.

    python .ci/site_pages.py OUT     # writes OUT/pages (Markdown) and builds OUT/html; any warning is an error

Everything comes from the Markdown of the repository and from the sources, which are read, never imported. Links to
Markdown stay links; those to a source file or a folder lead to a page made of it. Needs the group `site`.
"""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

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


def faces(folder: str) -> Iterator[tuple[str, list[str]]]:
    """(module, names) of a package's `__init__.pyi`, in its order."""
    name = PurePosixPath(folder).name
    stub = ROOT / folder / "src" / name / "__init__.pyi"
    for node in ast.parse(stub.read_text("utf-8")).body if stub.is_file() else []:
        if isinstance(node, ast.ImportFrom):
            if node.module is None:
                yield from contracts(f"{name}.{alias.name}" for alias in node.names)
            else:
                yield f"{name}.{node.module}", [alias.name for alias in node.names]


def contracts(modules: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    for module in modules:
        yield module, []


def write_names(pages: Pages) -> None:
    """A page for each package: every public name, its signature with types, and its docstring."""
    import griffe

    chosen = [folder for folder in members() if any(faces(folder))]
    lines = ["# Public names", "", "What each package hands on, with types, shapes, units and errors.", ""]
    loader = griffe.GriffeLoader(search_paths=[ROOT / folder / "src" for folder in members()])
    for folder in chosen:
        name = PurePosixPath(folder).name
        loader.load(name)
    for folder in chosen:
        name = PurePosixPath(folder).name
        package = loader.modules_collection[name]
        lines.append(f"- [`{name}`]({name}.md): {first_line(package)}")
        parts = [f"# {name}", "", f"{first_line(package)} [The lesson](../{folder}/README.md).", ""]
        for module, names in sorted(faces(folder), key=lambda face: face[0].endswith(".contract")):
            found = loader.modules_collection[module]
            for one in names or (found.exports or []):
                thing = found[str(one)]
                thing = thing.final_target if thing.is_alias else thing
                parts += described(pages, folder, f"{name}.{one}" if names else f"{module}.{one}", thing)
        pages.write(f"api/{name}.md", "\n".join(parts))
    pages.write("api/index.md", "\n".join(lines) + toctree(PurePosixPath(folder).name for folder in chosen))


def first_line(thing: Any) -> str:
    return thing.docstring.value.strip().split("\n\n")[0].replace("\n", " ") if thing.docstring else ""


def described(pages: Pages, folder: str, path: str, thing: Any) -> Iterator[str]:
    """One public name: heading, signature, docstring, and of a class what is public in it."""
    file = PurePosixPath(Path(thing.filepath).relative_to(ROOT).as_posix())
    yield f"## {path.rpartition('.')[2] if path.count('.') == 1 else path.partition('.')[2]}\n"
    yield signature(path, thing)
    yield docstring(thing)
    yield f"[Source]({relative(pages.place(file), PurePosixPath('api'))})\n"
    if not thing.is_class:
        return
    for name, member in thing.members.items():
        if name.startswith("_") or member.is_alias or not member.docstring:
            continue
        yield f"### {path.rpartition('.')[2]}.{name}\n"
        yield signature(name, member)
        yield docstring(member)


def signature(path: str, thing: Any) -> str:
    name = path.rpartition(".")[2]
    if thing.is_function:
        said = f"{name}{parameters(thing)}" + (f" -> {thing.returns}" if thing.returns else "")
    elif thing.is_class:
        made = thing.members.get("__init__")
        bases = ", ".join(map(str, thing.bases))
        said = f"class {name}" + (f"({bases})" if bases else "")
        said += f"\n    {name}{parameters(made)}" if made is not None and made.is_function else ""
    else:
        said = name + (f": {thing.annotation}" if getattr(thing, "annotation", None) else "")
        said += f" = {thing.value}" if getattr(thing, "value", None) and len(str(thing.value)) < 60 else ""
    return f"```text\n{said}\n```\n"


def parameters(function: Any) -> str:
    """As in the source, a line each where one line is too long."""
    shown, last = [], ""
    for one in function.parameters:
        kind = one.kind.value if one.kind else ""
        if one.name in ("self", "cls"):
            continue
        if kind == "keyword-only" and last not in ("keyword-only", "variadic positional"):
            shown.append("*")
        last = kind
        star = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        given = f" = {one.default}" if one.default is not None and not star else ""
        shown.append(f"{star}{one.name}" + (f": {one.annotation}" if one.annotation else "") + given)
    line = f"({', '.join(shown)})"
    return line if len(line) < 90 else "(\n" + "".join(f"    {part},\n" for part in shown) + ")"


def docstring(thing: Any) -> str:
    """Docstrings are nearly Markdown: what is indented stays as it is written, and no line makes a heading."""
    if not thing.docstring:
        return ""
    blocks = []
    for block in re.split(r"\n\s*\n", thing.docstring.value.strip()):
        lines = block.splitlines()
        indented = [line for line in lines if line.startswith("    ")]
        if len(indented) == len(lines) or any("|---" in line for line in lines):
            blocks.append(block if "|---" in block else f"```text\n{block}\n```")
        elif indented or re.match(r"(Raises|Returns|Args|Yields|Attributes):", lines[0]):
            blocks.append("\n".join(entry(lines)))
        else:
            blocks.append("\n".join(map(plain, lines)))
    return "\n\n".join(blocks) + "\n"


def entry(lines: list[str]) -> Iterator[str]:
    """`name: what it is`, with its further lines indented, as a list."""
    for line in lines:
        yield f"  {plain(line.strip())}" if line.startswith("    ") else f"- {plain(line)}"


def plain(line: str) -> str:
    """Nothing but code marks means anything in a docstring."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(part if part.startswith("`") else re.sub(r"([\\*_\[\]<>#|$~{}])", r"\\\1", part) for part in parts)


def build(out: Path) -> None:
    folder, html = out / "pages", out / "html"
    for old in (folder, html):
        shutil.rmtree(old, ignore_errors=True)
    pages = Pages(folder)
    for page in markdown_pages():
        pages.copy(page)
    write_sections(pages)
    write_names(pages)
    pages.write_sources()
    shutil.copyfile(ROOT / "docs" / "conf.py", folder / "conf.py")
    (folder / "_static").mkdir()
    shutil.copyfile(ROOT / "docs" / "site.css", folder / "_static" / "site.css")
    arguments = ["-W", "--keep-going", "-n", "-q", "-b", "html", "-d", str(out / "doctrees"), str(folder), str(html)]
    subprocess.run([sys.executable, "-m", "sphinx", *arguments], check=True)
    pages_checked, links = check_links(html)
    print(f"{pages_checked} pages, {links} links inside, none broken, nothing fetched from elsewhere")
    print(html / "index.html")


class Links(HTMLParser):
    """What a page refers to, what it would fetch, and the places in it that one can refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        self.fetched |= {given[name] for name in ("src", "srcset", "poster") if name in given}
        if tag == "link" and given.get("rel") not in ("search", "next", "prev", "index", "canonical"):
            self.fetched.add(given.get("href", ""))


def check_links(html: Path) -> tuple[int, int]:
    """Every link inside the site leads to a page and a place of it; no page or style sheet fetches from elsewhere."""
    read = {path: links_of(path) for path in sorted(html.rglob("*.html")) if "_static" not in path.parts}
    wrong, count = [], 0
    for path, page in read.items():
        elsewhere = [
            place for place in page.fetched if "//" in place.partition("?")[0] and not place.startswith("data:")
        ]
        wrong += [f"{path}: fetches {place}" for place in elsewhere]
        for link in page.links | (page.fetched - set(elsewhere)):
            place, _, anchor = unquote(link).partition("#")
            if re.match(r"[a-z]+:", place) or link.startswith("data:"):
                continue
            target = (path.parent / place.partition("?")[0]).resolve() if place else path
            count += 1
            if not target.exists() or (anchor and target in read and anchor not in read[target].anchors):
                wrong.append(f"{path}: {link} leads nowhere")
    for sheet in html.rglob("*.css"):
        far = re.findall(r"(?:url\(|@import\s)[\"']?((?:https?:)?//[^)\"']+)", sheet.read_text("utf-8"))
        wrong += [f"{sheet}: fetches {place}" for place in far]
    if wrong:
        raise SystemExit("\n".join(wrong))
    return len(read), count


def links_of(path: Path) -> Links:
    page = Links()
    page.feed(path.read_text("utf-8"))
    return page


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve())
