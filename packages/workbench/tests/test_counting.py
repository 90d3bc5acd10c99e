"""Long work says how far it is: a bar where somebody watches, a plain line now and then elsewhere."""

import os
import sys

import pytest

from workbench import PlainLines, Whole, counted, shown, unwatched, watched


class Clock:
    """Every look at it is so many seconds after the one before."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def see_a_terminal(monkeypatch):
    """In the test itself: what is captured before it begins is another standard error."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")


def test_a_line_comes_every_ten_seconds_and_says_what_is_left(monkeypatch, capsys):
    monkeypatch.setattr("workbench.counting.time.monotonic", Clock(4.0))
    assert list(counted("abcdefgh", total=10, done=2, unit="file")) == list("abcdefgh")
    assert capsys.readouterr().err.splitlines() == [
        "5 of 10 files, 20 s left",
        "8 of 10 files, 8 s left",
    ]


def test_short_work_says_nothing(capsys):
    assert list(counted(range(3), total=3)) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_lines_at_both_ends_where_they_are_wanted(monkeypatch, capsys):
    monkeypatch.setattr("workbench.counting.time.monotonic", Clock(4.0))
    lines = PlainLines(6, 1, at_ends=True)
    for number in range(2, 7):
        lines.tell(number, lambda left, n=number: f"step {n}, {left:.0f} s left")
    assert capsys.readouterr().err.splitlines() == [
        "step 2, 16 s left",
        "step 5, 4 s left",
        "step 6, 0 s left",
    ]
    assert lines.elapsed == 24.0


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    see_a_terminal(monkeypatch)
    assert watched()
    with shown("prog", "counting to two") as progress:
        for done in range(3):
            progress(done, 2)
    told = capsys.readouterr().err
    assert told.startswith("prog: counting to two\n")
    assert "| 2/2 [" in told


def test_a_terminal_without_a_width_could_show_no_bar(monkeypatch):
    see_a_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "0")
    monkeypatch.setattr("os.get_terminal_size", lambda *stream: os.terminal_size((0, 0)))
    assert not watched()


def test_a_bar_that_an_error_ends_leaves_its_line(monkeypatch, capsys):
    see_a_terminal(monkeypatch)

    def interrupted():
        with shown("prog", "counting") as progress:
            progress(0, 2)
            raise ValueError("odd")

    with pytest.raises(ValueError, match="odd") as caught:  # whose frames hold the bar, as in a command
        interrupted()
    assert capsys.readouterr().err.endswith("\n")
    assert caught.tb


def test_without_a_terminal_the_callback_gives_plain_lines(monkeypatch, capsys):
    monkeypatch.setattr("workbench.counting.EVERY", 0.0)
    with shown("prog", "counting") as progress:
        for done in range(3):
            progress(done, 2)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "prog: counting"
    assert [line.partition(",")[0] for line in told[1:]] == ["1 of 2 steps", "2 of 2 steps"]


def test_work_that_never_began_is_not_announced(capsys):
    with shown("prog", "counting"):
        pass
    assert capsys.readouterr().err == ""


def test_several_pieces_are_one_whole():
    told: list[tuple[int, int]] = []
    whole = Whole(5, lambda done, total: told.append((done, total)))
    for length in (2, 3):
        for done in range(length + 1):
            whole(done, length)
    assert told == [(done, 5) for done in range(6)]
    assert unwatched(1, 2) is None
