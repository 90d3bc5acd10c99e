"""The public names of every package, a page each: signatures with types, docstrings, sources. Nothing is imported."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from textwrap import indent
from typing import Any

from site_pages import ROOT, Pages, members, relative, toctree


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
        said += "\n" + indent(f"{name}{parameters(made)}", "    ") if made is not None and made.is_function else ""
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
