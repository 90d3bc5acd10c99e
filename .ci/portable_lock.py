"""Write `uv.lock` without naming any package index, and compare two such locks.

    python3 .ci/portable_lock.py < uv.lock              # the index-free form, on standard output (a git clean filter)
    python3 .ci/portable_lock.py --compare OLD NEW      # exit 1 when NEW lacks or changes something that OLD holds

Names, versions, markers, file names and hashes stay. What only one index knows goes (its address, file sizes, upload
times, the lock's revision), and so does what the members' own `pyproject.toml` already says (`[options]`,
`[package.metadata]`). uv resolves such a file once against the reader's own index, holding on to the recorded versions.
Runs on a bare Python 3.11: git calls it before anything is installed.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

DROPPED_TABLES = ("[options", "[package.metadata")
FILE = re.compile(r'\{ (?:url|path) = "([^"]+)", hash = "([^"]+)"[^}]*\}')
REGISTRY = re.compile(r'registry = "[^"]*"')

Entry = tuple[str, str, str, str]  # name, version, file, hash


def portable(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a lock, index-free. Lines that already are pass unchanged, so that the filter may run twice."""
    dropping = False
    for line in lines:
        if line.startswith("["):
            dropping = line.startswith(DROPPED_TABLES)
        if dropping or line.startswith("revision = "):
            continue
        line = REGISTRY.sub('registry = "index"', line)
        yield FILE.sub(lambda found: f'{{ path = "{file_name(found[1])}", hash = "{found[2]}" }}', line)


def file_name(address: str) -> str:
    """`torch-2.9.0+cpu-cp311-linux.whl` of any address that ends in it, query and percent signs undone."""
    return unquote(PurePosixPath(urlsplit(address).path).name)


def entries(lock: str) -> set[Entry]:
    """Every file of a lock as (name, version, file, hash); a package without files counts once, with both empty."""
    found: set[Entry] = set()
    for package in tomllib.loads(lock).get("package", []):
        name, version = package["name"], package.get("version", "")
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        found |= {(name, version, file["path"], file["hash"]) for file in files} or {(name, version, "", "")}
    return found


def compare(old: str, new: str) -> tuple[list[str], list[str]]:
    """What makes the new lock wrong, and what its index merely added since: (problems, additions), a line each.

    An entry of the old lock that the new one lacks is a problem, and so is a package or version that only the new one
    has (the old one is out of date). A further file of a version that both hold was published later: an addition.
    """
    before, after = entries(old), entries(new)
    versions = {entry[:2] for entry in before}
    known_files = {entry[:3] for entry in before}
    problems = [f"missing or changed: {describe(entry)}" for entry in sorted(before - after)]
    additions = []
    for entry in sorted(after - before):
        if entry[:2] not in versions:
            problems.append(f"not in the committed lock: {describe(entry)}")
        elif entry[:3] in known_files:
            problems.append(f"found instead: {describe(entry)}")
        else:
            additions.append(f"published since: {describe(entry)}")
    return problems, additions


def describe(entry: Entry) -> str:
    name, version, file, digest = entry
    return f"{name} {version} {file} {digest}".rstrip()


def main(arguments: list[str]) -> int:
    if not arguments:
        sys.stdout.writelines(portable(sys.stdin))
        return 0
    if len(arguments) != 3 or arguments[0] != "--compare":
        print("wanted: no argument (filter) or --compare OLD NEW", file=sys.stderr)
        return 2
    old, new = ("".join(portable(Path(path).read_text("utf-8").splitlines(True))) for path in arguments[1:])
    problems, additions = compare(old, new)
    print(*additions, *problems, sep="\n", end="\n" if additions or problems else "")
    print(f"uv.lock: {len(entries(old))} entries compared, {len(problems)} problems, {len(additions)} additions")
    if problems:
        print("If the change is meant: uv lock && git add uv.lock, with the filter of CONTRIBUTING.md configured")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
