"""An exercise: a Python file that is right, and says itself which of its lines the learner is to write.

    def double(x):
        # hole
        # hint: twice is two times
        return 2 * x
        # end

What stands between `# hole` and `# end` is the solution; learners get the file without it. `# hint:` lines in it are
the hints, the first one the vaguest; `# without: NAME …` lists what would do the exercise by itself and is refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from textwrap import wrap

HOLE = re.compile(r"^(?P<indent>[ ]*)# hole\n(?P<body>.*?)^[ ]*# end\n", re.DOTALL | re.MULTILINE)
HINT = re.compile(r"^[ ]*# hint: (.*)\n", re.MULTILINE)
WITHOUT = re.compile(r"\n?^# without: (.*)\n", re.MULTILINE)
TEXT = re.compile(r'\A"""(.*?)"""\n', re.DOTALL)
MARK = "# --- your code"
"""How the place of a hole begins in a learner's file."""
WIDTH = 60
COLUMNS = 78
"""What a line of a terminal may hold, so that 80 are enough."""
NOT_WRITTEN = "this is yours to write"
"""The message of the NotImplementedError that stands in a hole."""


@dataclass(frozen=True)
class Exercise:
    """One rung."""

    name: str
    """Of the exercise, and of the function in `check` that tries it."""
    sprint: str
    """The part of the ladder that it belongs to."""
    path: Path
    """The file with holes and their solution."""
    check: str | Path
    """Module with the function that tries it, or a teacher's `check.py`."""
    number: int = 0
    """Its place on the ladder, from 1 on."""
    said: str = ""
    """A text of its own (a teacher's `text.md`); else it is the docstring of the file."""

    @cached_property
    def source(self) -> str:
        """The file. ValueError where it has no hole."""
        text = self.path.read_text("utf-8")
        if not HOLE.search(text):
            raise ValueError(f"{self.path}: wanted a hole, got none; put `# hole` and `# end` around what is to write")
        return text

    @property
    def text(self) -> str:
        """What and why."""
        found = TEXT.match(self.source)
        return self.said or (found[1].strip() if found else "")

    @property
    def title(self) -> str:
        """The first line of the text, without its full stop."""
        return self.text.partition("\n")[0].lstrip("# ").rstrip(".")

    @property
    def file_name(self) -> str:
        """Of the learner's file."""
        return f"{self.number:02d}_{self.name}.py"

    @property
    def hints(self) -> tuple[str, ...]:
        """From the vaguest to the plainest; with its number where there are several holes."""
        holes = [HINT.findall(hole["body"]) for hole in HOLE.finditer(self.source)]
        names = [f"hole {number}: " if len(holes) > 1 else "" for number in range(1, len(holes) + 1)]
        return tuple(name + hint for name, hints in zip(names, holes, strict=True) for hint in hints)

    @property
    def without(self) -> frozenset[str]:
        """Names that would do the exercise by themselves."""
        return frozenset(word for line in WITHOUT.findall(self.source) for word in line.split())

    @property
    def solution(self) -> str:
        """The file as it is right, without marks and hints."""
        return self._filled(lambda indent, body: body)

    @property
    def template(self) -> str:
        """The file as the learner gets it."""

        def hole(indent: str, body: str) -> str:
            n = len([line for line in body.splitlines() if line.strip()])
            begin = f"{MARK}: about {n} line{'s' * (n != 1)} ".ljust(WIDTH, "-")
            lines = begin, f'raise NotImplementedError("{NOT_WRITTEN}")', f"# {'-' * (WIDTH - 2)}"
            return "".join(f"{indent}{line}\n" for line in lines)

        return self._filled(hole)

    def filled(self, *bodies: str) -> str:
        """The file with these bodies in its holes, each as it would be written at the left edge of the hole."""
        left = list(bodies)

        def hole(indent: str, body: str) -> str:
            lines = left.pop(0).strip("\n").splitlines()
            return "".join(f"{indent}{line}\n" if line.strip() else "\n" for line in lines)

        text = self._filled(hole)
        if left:
            raise ValueError(f"wanted as many bodies as {self.name} has holes, got {len(left)} more; leave them out")
        return text

    def bodies(self) -> list[str]:
        """The solution of each hole, without hints."""
        return [HINT.sub("", hole["body"]) for hole in HOLE.finditer(self.source)]

    def at(self, number: int) -> "Exercise":
        """The same at another place of the ladder."""
        return replace(self, number=number)

    def _filled(self, hole: Callable[[str, str], str]) -> str:
        text = HOLE.sub(lambda found: hole(found["indent"], HINT.sub("", found["body"])), self.source)
        text = WITHOUT.sub("", text)
        if self.said and not TEXT.match(text):
            text = f'"""{self.said.strip()}\n"""\n\n{text}'
        return text


def fitted(line: str, indent: int = 2, width: int = COLUMNS) -> str:
    """A line as several that fit a terminal, all but the first so far to the right. Words stay whole."""
    return "\n".join(wrap(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False))


def told(exercise: Exercise) -> str:
    """The text for a terminal."""
    paragraphs = exercise.text.split("\n\n")
    return "\n\n".join(
        paragraph
        if paragraph.startswith((" ", "```", "|"))
        else fitted(" ".join(paragraph.split()), indent=0, width=COLUMNS - 2)
        for paragraph in paragraphs
    )
