"""The page in a browser: what one points at is told where one looks, and no two recipes look alike."""

import dataclasses
import os
import shutil
from pathlib import Path

import pytest

from experiments import read_results
from experiments.pictures.page import write_page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
WIDTHS = (400, 1280)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="the session `page` of nox brings playwright")
    program = os.environ.get("CHROME") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("found no Chrome, Chromium or Edge on the path, nor in CHROME")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


def shown(browser, path: Path, width: int):
    page = browser.new_page(viewport={"width": width, "height": 700})
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("width", WIDTHS)
def test_what_differs_is_in_sight_at_the_last_plot_and_nothing_moves(width, browser, swept, tmp_path):
    results = read_results(swept)
    several = [dataclasses.replace(one, text=f"text{number}") for number in range(4) for one in results]
    page = shown(browser, write_page(several, tmp_path / "page.html", "several"), width)
    dot = page.locator(".plot").last.locator("circle.end[data-recipe=decay]").last
    dot.scroll_into_view_if_needed()
    before = dot.bounding_box()
    dot.hover(force=True)
    said = page.locator("#said")
    assert "decay, seed 1" in said.inner_text()
    assert "weight_decay: 0.1\u00a0→\u00a00.5" in said.inner_text()
    box = said.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 700
    assert dot.bounding_box() == before
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_more_recipes_than_colors_are_told_apart(browser, swept, tmp_path):
    [one, *_] = read_results(swept)
    many = [dataclasses.replace(one, recipe=f"r{number}") for number in range(13)]
    page = shown(browser, write_page(many, tmp_path / "page.html", "many"), 1280)
    looks = "all => all.map(one => [getComputedStyle(one).fill, getComputedStyle(one).stroke].join())"
    dots = page.locator("circle.end").evaluate_all(looks)
    keys = page.locator("#key i").evaluate_all("all => all.map(one => one.getAttribute('style'))")
    assert len(dots) == len(set(dots)) == len(keys) == len(set(keys)) == 13
