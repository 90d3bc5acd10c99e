"""One run, in a process of its own: begun, or gone on with where a killed one left it; its result is written last."""

import dataclasses
import json
import os
import shutil
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from workbench import InUse, finite, plain, read_json_lines, read_utf8, write_text

from .facts import Run, named
from .results import Result, check_same_run, of_run

PATIENCE = 30.0
"""Seconds that a run waits for the process that had it before to die."""


def work(run: Run, folder: Path, threads: int, alive: Connection) -> None:
    """Do the run in FOLDER/runs and write its result to FOLDER/done; or why there can be none.

    alive: the end of a pipe; when the other end closes, whoever wanted the result is gone, and this process ends."""
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
    import torch

    torch.set_num_threads(threads)
    (folder / "done").mkdir(exist_ok=True)
    try:
        result = trained(run, folder / "runs" / run.name)
    except (ValueError, OSError, ImportError) as error:
        write_text(folder / "done" / f"{run.name}.error", plain(error) + "\n")
        return
    write_text(folder / "done" / f"{run.name}.json", json.dumps(finite(dataclasses.asdict(result))) + "\n")
    shutil.rmtree(folder / "runs" / run.name / "checkpoints", ignore_errors=True)


def _end_with(alive: Connection) -> None:
    try:
        alive.recv()
    except (EOFError, OSError):
        os._exit(1)


def trained(run: Run, folder: Path) -> Result:
    """Train, or go on, to the end. CPU seconds count what led to the result: a part that was lost with a killed
    process and done again counts once."""
    import gpt2

    cpu, wall = time.process_time(), time.perf_counter()
    begun = folder.parent / f"{run.name}.json"
    if (folder / "run.json").exists():
        if begun.exists():
            check_same_run(run, json.loads(read_utf8(begun)), folder.parent.parent)
        settings = gpt2.TrainSettings(resume=folder, text=run.path)
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_text(begun, json.dumps(run.facts) + "\n")
        settings = gpt2.TrainSettings(
            **{"device": "cpu", "log_every": 10**9, **run.changes, "text": run.path, "out": folder},
            recipe=named(run.base),
            seed=run.seed,
        )
    training = patiently(settings)
    told = folder.parent / f"{run.name}.jsonl"
    marks = [mark for mark in _marks(told) if mark[0] <= training.start]
    write_text(told, "".join(json.dumps(mark) + "\n" for mark in _lines(marks)))
    _, before_cpu, before_wall, _ = marks[-1] if marks else (0, 0.0, 0.0, None)
    with told.open("a", encoding="utf-8") as file:
        steps = iter(training)
        while True:
            try:
                step = next(steps)
            except StopIteration:
                break
            except ValueError as error:  # a loss that is no number: that is a result, too
                spent = before_cpu + time.process_time() - cpu, before_wall + time.perf_counter() - wall
                return of_run(
                    run, bits_per_byte=None, cpu_seconds=spent[0], seconds=spent[1], curve=[], failed=plain(error)
                )
            judged = step.number % training.record.evaluate_every == 0 or step.number == training.total
            if judged or step.number % training.record.save_every == 0:
                spent = before_cpu + time.process_time() - cpu, before_wall + time.perf_counter() - wall
                marks.append((step.number, *spent, training.bits_per_byte if judged else None))
                file.write(json.dumps(_lines(marks[-1:])[0]) + "\n")
                file.flush()
    data, config = training.record.data, training.config
    tokens = training.recipe.windows_from() * config.n_ctx
    return of_run(
        run,
        bits_per_byte=training.bits_per_byte,
        cpu_seconds=marks[-1][1] if marks else before_cpu,
        seconds=marks[-1][2] if marks else before_wall,
        curve=[[number, spent, bits] for number, spent, _, bits in marks if bits is not None],
        parameters=config.n_parameters,
        tokens=tokens,
        flops=float(config.flops_per_token() * tokens),
        fingerprint=data["fingerprint"],
        held_out=f"{data['held_out_bytes']:,} bytes, {data.get('held_out_how', '')}".rstrip(", "),
    )


def patiently(settings: Any) -> Any:
    """The prepared run; a process that was killed a moment ago may hold its folder a little longer."""
    import gpt2

    until = time.monotonic() + PATIENCE
    while True:
        try:
            return gpt2.run(settings)
        except InUse:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


Mark = tuple[int, float, float, float | None]


def _lines(marks: list[Mark]) -> list[dict[str, Any]]:
    return [{"step": a, "cpu_seconds": b, "seconds": c, "bits_per_byte": d} for a, b, c, d in marks]


def _marks(path: Path) -> list[Mark]:
    """What was written down at the checkpoints of earlier processes; a torn line ends it."""
    found: list[Mark] = []
    if path.exists():
        try:
            for _, line in read_json_lines(path):
                found.append((line["step"], line["cpu_seconds"], line["seconds"], line["bits_per_byte"]))
        except (ValueError, KeyError):
            pass
    return found
