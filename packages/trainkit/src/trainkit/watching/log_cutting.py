"""Logs cut back to the step that a run resumes from, so that none comes twice. What cannot be read ends no curve."""

import logging
import math
import re
from pathlib import Path
from typing import Any

from workbench import parse_object, whole_file

logger = logging.getLogger(__name__)


def cut_lines(path: Path, last: int) -> float:
    """Keep the lines of steps up to `last`, byte for byte. Lines that are none go, with a warning; a torn one at the
    end, which a kill leaves, without. Returns the most `seconds` that a kept line has."""
    if not path.exists():
        return 0.0
    lines = [line for line in re.split(rb"(?<=\n)", path.read_bytes()) if line]
    torn = bool(lines) and not lines[-1].endswith(b"\n")
    steps = [_step(line) for line in lines]
    kept = [line for line, step in zip(lines, steps, strict=True) if step is not None and step <= last]
    bad = [number for number, step in enumerate(steps, start=1) if step is None]
    if torn and kept and kept[-1] is lines[-1]:
        kept[-1] += b"\n"  # whole but for its end
    if lost := [number for number in bad if not (torn and number == len(lines))]:
        logger.warning("%s: %d lines are no lines of a log and go, the first is line %d", path, len(lost), lost[0])
    if kept == lines:
        pass
    elif kept:
        with whole_file(path) as aside:
            aside.write_bytes(b"".join(kept))
    else:
        path.unlink()
    return max(map(_seconds, kept), default=0.0)


def _step(line: bytes) -> int | None:
    """The step that a line is about; None for a line that has none."""
    try:
        step = parse_object(line, "metrics.jsonl").get("step")
    except ValueError:
        return None
    return step if isinstance(step, int) and not isinstance(step, bool) else None


def _seconds(line: bytes) -> float:
    seconds = parse_object(line, "metrics.jsonl").get("seconds")
    try:
        return float(seconds) if isinstance(seconds, (int, float)) and math.isfinite(seconds) else 0.0
    except OverflowError:  # a whole number of hundreds of digits
        return 0.0


def cut_events(folder: Path, last: int) -> None:
    """Rewrite each TensorBoard file with its events up to step `last`, so that no reader sees a point twice.

    A file that cannot be read stays as it is, with a warning.
    """
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    for path in sorted(folder.glob("events.out.tfevents.*")):
        try:
            records: list[Any] = list(RawEventFileLoader(str(path)).Load())
            kept = [record for record in records if Event.FromString(record).step <= last]
        except Exception as error:  # tensorboard and protobuf raise kinds of their own
            logger.warning("%s: no TensorBoard events that can be read (%s); the file stays as it is", path, error)
            continue
        if len(kept) == len(records):
            continue
        with whole_file(path) as aside, aside.open("wb") as stream:
            writer = RecordWriter(stream)
            for record in kept:
                writer.write(record)
