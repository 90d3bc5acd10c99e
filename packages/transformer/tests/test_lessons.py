"""The two lessons: their parts against Python's own, short runs by default, whole ones as slow tests."""

import datetime
import importlib.util
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest
import torch

PACKAGE = Path(__file__).parents[1]


def lesson(name):
    for needed in ("dataio", "trainkit"):
        pytest.importorskip(needed, reason=f"the lessons use {needed}, which is installed in the workspace only")
    spec = importlib.util.spec_from_file_location(name, PACKAGE / "lessons" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def dates():
    return lesson("translate_dates")


@pytest.fixture(scope="module")
def keywords():
    return lesson("guess_keywords")


def test_a_spelled_date_is_read_back_by_python(dates):
    formats = {
        "{day} {month} {year}": "%d %B %Y",
        "{month} {day}, {year}": "%B %d, %Y",
        "{weekday} {day} {short} {year}": "%A %d %b %Y",
        "{short} {day} in {year}": "%b %d in %Y",
        "{day:02}.{number:02}.{year}": "%d.%m.%Y",
        "{number}/{day}/{year}": "%m/%d/%Y",
        "{year}, {month} {day}": "%Y, %B %d",
    }
    plain = re.compile(r"(?<=\d)(st|nd|rd|th)\b")  # codespell:ignore nd
    formats |= {"the {day}{th} of {month} {year}": "the %d of %B %Y", dates.SPELLINGS[-1]: "%A, %B %d, %Y"}
    assert set(formats) == set(dates.SPELLINGS)
    for day in (datetime.date(1999, 3, 7) + datetime.timedelta(17 * n) for n in range(60)):
        for spelling in dates.SPELLINGS:
            text = plain.sub("", dates.spelled(day, spelling))
            assert datetime.datetime.strptime(text, formats[spelling]).date() == day


def test_no_day_is_both_learned_from_and_asked_for(dates):
    days, held_out = dates.split_days(0)
    assert not set(days) & set(held_out)
    assert len(days) + len(held_out) == 200 * 365 + 49  # leap years: every fourth, but not 1900
    assert len(held_out) == len(set(held_out)) == 7304


def test_writing_with_the_cache_is_writing_without(dates):
    characters = dates.Characters("-0123456789")
    model = dates.Translator(12)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.4)
    read, lengths = characters.encode(["7-8", "12-1999", "3"])
    written = torch.full((3, 1), dates.START)
    with torch.no_grad():
        for _ in range(dates.WRITTEN):
            scores = model(read, lengths, written)[:, -1]
            written = torch.cat([written, scores.argmax(-1, keepdim=True)], dim=1)
        assert torch.equal(model.write(read, lengths), written[:, 1:])
    assert len(written.unique()) > 3


def test_a_short_lesson_learns_one_spelling(dates):
    shares = dates.main(110, ("{day:02}.{number:02}.{year}",), n_asked=200)
    assert shares["{day:02}.{number:02}.{year}"] > 0.99


def test_words_are_python_s_own_tokens(keywords):
    source = "def f(x):\n    # why\n    return x + 'a b' * 2.5\n"
    kinds = [token.type for token in tokenize.generate_tokens(io.StringIO(source).readline)]
    assert len(keywords.words(source)) == sum(kind not in (tokenize.COMMENT, tokenize.NL) for kind in kinds)
    wanted = "def f ( x ) : <line> <indent> return x + <text> * <number> <line> <dedent> <endmarker>"
    assert " ".join(keywords.words(source)) == wanted


def test_the_keyword_itself_is_never_shown(keywords):
    ids = {"if": 3, "x": 4}
    around, answers = keywords.examples([["x", "if", "x", "if"]], ids).arrays
    assert answers.tolist() == [keywords.KEYWORDS.index("if")] * 2
    assert around[:, keywords.SIDE].tolist() == [keywords.GAP] * 2
    assert around[0, keywords.SIDE - 2 : keywords.SIDE + 4].tolist() == [1, 4, 0, 4, 3, 1]


def test_a_short_lesson_beats_the_commonest_keyword_and_the_bag_of_words(keywords):
    shares = keywords.main(steps=110, bag_steps=300, reports=1)
    commonest, bag, _, encoder = shares.values()
    assert encoder > bag + 0.1 > commonest + 0.2


def commands():
    readme = (PACKAGE / "README.md").read_text("utf-8")
    return re.findall(
        r"^uv run --package transformer python packages/transformer/(lessons/\w+\.py)", readme, re.MULTILINE
    )


def test_the_readme_names_both_lessons():
    assert sorted(commands()) == sorted(f"lessons/{path.name}" for path in (PACKAGE / "lessons").glob("*.py"))


def shares_printed_by(name):
    (path,) = [path for path in commands() if name in path]
    run = subprocess.run([sys.executable, PACKAGE / path], capture_output=True, text=True, check=True)
    return {
        key: float(share) / 100 for key, share in re.findall(r"^\| (.+) \| ([\d.]+)% \|$", run.stdout, re.MULTILINE)
    }


@pytest.mark.slow
def test_the_readme_s_translator_is_right_in_more_than_99_of_100_days_never_seen(dates):
    assert shares_printed_by("translate_dates")["all"] > 0.99


@pytest.mark.slow
def test_the_readme_s_reader_beats_every_simpler_guesser(keywords):
    shares = shares_printed_by("guess_keywords")
    assert shares["encoder"] > max(share for name, share in shares.items() if name != "encoder")
    assert shares["encoder"] > shares["bag of words"] + 0.25
