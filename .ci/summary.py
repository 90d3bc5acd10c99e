"""Pass CI's output through, then tell what took how long and how every pytest run ended; exit 1 when a part failed.

Reads standard input. A part begins with `ci > Running NAME` or `nox > Running session NAME`, and has failed when a line
`ci > FAILED: NAME` or `nox > Session NAME failed.` says so. Sessions that ran beside others
print their output whole when they end, and a line `pairs > NAME took SECONDS s beside OTHERS` that tells their time.
"""

import re
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

BEGINNING = re.compile(r"^(?:ci > Running|nox > Running session) (?!all\b)([\w.-]+)")
FAILURE = re.compile(r"^(?:(?:ci|pairs) > FAILED: |nox > Session )([\w.-]+)(?:$| (?:failed|aborted|raised exception))")
PAIRED = re.compile(r"^pairs > ([\w.-]+) took ([\d.]+) s(?: beside (.+))?$")
CLOSING = re.compile(r"^=+ .*\b(?:passed|failed|skipped|errors?|deselected|no tests ran)\b.* in [\d.]+s.*=+$")


@dataclass
class Part:
    name: str
    began: float
    seconds: float = 0.0
    beside: str = ""
    known: bool = False  # its seconds were told, or measured to the end
    closing_lines: list[str] = field(default_factory=list)


def follow(lines: Iterable[str], clock: Callable[[], float] = time.monotonic) -> tuple[list[Part], list[str], float]:
    """Echo the lines as they come; the parts that ran, the names of those that failed, the seconds of all."""
    parts: list[Part] = []
    failed: list[str] = []
    began = clock()
    for line in lines:
        print(line, end="", flush=True)
        if paired := PAIRED.match(line):
            part = next((part for part in parts if part.name == paired[1]), None)
            if part is None:  # its nox ended before the session began
                parts.append(part := Part(paired[1], clock()))
            part.known, part.seconds, part.beside = True, float(paired[2]), paired[3] or ""
        elif parts and line.startswith("pairs > Running "):
            parts[-1].known = True  # from here on sessions tell their time themselves
        elif begins := BEGINNING.match(line):
            parts.append(Part(begins[1], clock()))
        elif fails := FAILURE.match(line):
            failed += [fails[1]] if fails[1] not in failed else []
        elif parts and CLOSING.match(line):
            parts[-1].closing_lines.append(line.strip())
        if parts and not parts[-1].known:
            parts[-1].seconds = clock() - parts[-1].began
    return parts, failed, clock() - began


def report(parts: list[Part], failed: list[str], seconds: float) -> list[str]:
    """The table of minutes, with what ran beside what, and then every closing line of pytest."""
    lines = ["", "minutes  part"]
    for part in parts:
        beside = f"  beside {part.beside}" if part.beside else ""
        lines.append(f"{part.seconds / 60:7.2f}  {part.name}{'  FAILED' if part.name in failed else ''}{beside}")
    lines += [f"{seconds / 60:7.2f}  all, by the clock", ""]
    for part in parts:
        lines += [f"{part.name}:\n{closing}" for closing in part.closing_lines]
    return lines


def main() -> int:
    parts, failed, seconds = follow(sys.stdin)
    print(*report(parts, failed, seconds), sep="\n")
    if not parts:
        print("wanted the output of at least one part, found none", file=sys.stderr)
    return 1 if failed or not parts else 0


if __name__ == "__main__":
    sys.exit(main())
