"""The site: lessons, reference pages, the public names of every package with their docstrings, and the sources behind.

    python .ci/build_site.py OUT     # writes OUT/pages (Markdown) and builds OUT/html; any warning is an error

Everything comes from the Markdown of the repository and from the sources, which are read, never imported. Links to
Markdown stay links; those to a source file or a folder lead to a page made of it. Needs the group `site`.
"""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from site_names import write_names
from site_pages import ROOT, Pages, markdown_pages, write_sections


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
