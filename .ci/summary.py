"""Pass CI's output through, then tell what took how long and how every pytest run ended; exit 1 when a part failed.

Reads standard input. A part begins with `ci > Running NAME` or `nox > Running session NAME`, and has failed when a line
`ci > FAILED: NAME` or `nox > Session NAME failed.` says so.
"""

import re
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

BEGINNING = re.compile(r"^(?:ci > Running|nox > Running session) ([\w.-]+)")
FAILURE = re.compile(r"^(?:ci > FAILED: ([\w.-]+)|nox > Session ([\w.-]+) (?:failed|aborted|raised exception))")
CLOSING = re.compile(r"^=+ .*\b(?:passed|failed|skipped|errors?|deselected|no tests ran)\b.* in [\d.]+s.*=+$")


@dataclass
class Part:
    name: str
    began: float
    seconds: float = 0.0
    closing_lines: list[str] = field(default_factory=list)


def follow(lines: Iterable[str], clock: Callable[[], float] = time.monotonic) -> tuple[list[Part], list[str]]:
    """Echo the lines as they come; the parts that ran, in order, and the names of those that failed."""
    parts: list[Part] = []
    failed: list[str] = []
    for line in lines:
        print(line, end="", flush=True)
        if begins := BEGINNING.match(line):
            parts.append(Part(begins[1], clock()))
        elif fails := FAILURE.match(line):
            failed.append(fails[1] or fails[2])
        elif parts and CLOSING.match(line):
            parts[-1].closing_lines.append(line.strip())
        if parts:
            parts[-1].seconds = clock() - parts[-1].began
    return parts, failed


def report(parts: list[Part], failed: list[str]) -> list[str]:
    lines = ["", "minutes  part"]
    lines += [f"{part.seconds / 60:7.2f}  {part.name}{'  FAILED' if part.name in failed else ''}" for part in parts]
    lines += [f"{sum(part.seconds for part in parts) / 60:7.2f}  all", ""]
    for part in parts:
        lines += [f"{part.name}:\n{closing}" for closing in part.closing_lines]
    return lines


def main() -> int:
    parts, failed = follow(sys.stdin)
    print(*report(parts, failed), sep="\n")
    if not parts:
        print("wanted the output of at least one part, found none", file=sys.stderr)
    return 1 if failed or not parts else 0


if __name__ == "__main__":
    sys.exit(main())
