"""Logs cut back to the step that a run resumes from, so that none comes twice."""

from pathlib import Path
from typing import Any

from workbench import parse_object, split_lines, whole_file, write_text


def cut_lines(path: Path, last: int) -> None:
    """Keep the whole lines of steps up to `last`; a torn line at the end goes."""
    if not path.exists():
        return
    kept = []
    for line in split_lines(path.read_text(encoding="utf-8", errors="replace")):
        try:
            if parse_object(line, str(path))["step"] <= last:
                kept.append(line)
        except (ValueError, KeyError, TypeError):
            break
    if kept:
        write_text(path, "".join(f"{line}\n" for line in kept))
    else:
        path.unlink()


def cut_events(folder: Path, last: int) -> None:
    """Rewrite each TensorBoard file with its events up to step `last`, so that no reader sees a point twice."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    for path in sorted(folder.glob("events.out.tfevents.*")):
        records: list[Any] = list(RawEventFileLoader(str(path)).Load())
        kept = [record for record in records if Event.FromString(record).step <= last]
        if len(kept) == len(records):
            continue
        with whole_file(path) as aside, aside.open("wb") as stream:
            writer = RecordWriter(stream)
            for record in kept:
                writer.write(record)
