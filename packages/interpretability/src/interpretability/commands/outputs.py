"""How a command answers: results on standard output, in tables of at most 80 columns."""

import sys


def say(*lines: str) -> None:
    """Lines of the result. BrokenPipeError where standard output is closed: nobody can read them."""
    if sys.stdout is None:
        raise BrokenPipeError
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in lines))


def bar(value: float, largest: float, width: int = 20) -> str:
    """A bar of at most `width` characters, lighter where the value is negative."""
    sign = "█" if value >= 0 else "░"
    return sign * round(width * abs(value) / largest) if largest > 0 else ""


def options(**values: object) -> list[str]:
    """Options as they are typed, but those that nobody gave."""
    given = {name: value for name, value in values.items() if value is not None}
    return [word for name, value in given.items() for word in (f"--{name}", str(value))]


def check_top(top: int) -> None:
    """ValueError for a table without lines."""
    if top < 1:
        raise ValueError(f"--top: wanted at least 1 line, got {top}; leave it out")
