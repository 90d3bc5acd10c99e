"""A sweep: the runs of a plan in processes on the free cores. Killed at any time, the same call goes on."""

import dataclasses
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from .facts import Run, digest_of
from .plans import Plan
from .results import Result, append, check_same_plan, held_results, read_one
from .work import work


def free_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sweep(plan: Plan, folder: Path, processes: int | None = None, *, alone: bool = True) -> Iterator[Result]:
    """The results of a plan: first those that are there, then each as its run ends.

    folder: results.jsonl, a folder for each run, and nothing else that counts. processes: at a time (default: as many
    as the cores have room for). alone: whether no other plan has results there.

    Raises ValueError for the results of another plan, InUse where another process sweeps there, ChildProcessError where
    a run's process died without a result.
    """
    with held_results(folder) as finished:
        check_same_plan(plan, finished, folder, alone)
        keys = {run.key for run in plan.runs}
        yield from (one for one in finished if one.key in keys)
        done = {one.key for one in finished}
        places = {run.key: place for place, run in enumerate(plan.runs)}
        left = [run for run in plan.runs if run.key not in done]
        for run in left:  # done by a process that outlived the sweep which had begun it
            if (result := _taken(run, folder, places[run.key])) is not None:
                yield result
        left = [run for run in left if not (folder / "done" / f"{run.name}.json").is_file()]
        most = processes or max(1, free_cores() // plan.threads)
        yield from _all(left, folder, plan.threads, most, places)


def _all(
    left: list[Run], folder: Path, threads: int, most: int, places: dict[tuple[str, str, int], int]
) -> Iterator[Result]:
    context = _context(threads)
    going: dict[int, tuple[BaseProcess, Run, Connection]] = {}
    waiting = list(reversed(left))
    try:
        while waiting or going:
            while waiting and len(going) < most:
                run = waiting.pop()
                theirs, ours = context.Pipe(duplex=False)
                process = context.Process(target=work, args=(run, folder, threads, theirs))
                process.start()
                theirs.close()
                going[process.sentinel] = process, run, ours
            ready: list[Any] = wait(list(going))
            for sentinel in ready:
                process, run, ours = going.pop(sentinel)
                process.join()
                ours.close()
                if (result := _taken(run, folder, places[run.key])) is None:
                    error = folder / "done" / f"{run.name}.error"
                    if error.is_file():
                        message = error.read_text(encoding="utf-8").strip()
                        error.unlink()
                        raise ValueError(f"run {run.name}: {message}")
                    raise ChildProcessError(
                        f"run {run.name}: wanted a result, got a process that ended with {process.exitcode}; what it "
                        "says is above; the same command goes on"
                    )
                yield result
    finally:
        for process, _, ours in going.values():
            ours.close()
            process.join()


def _taken(run: Run, folder: Path, place: int) -> Result | None:
    """The result that a run's process wrote, now in results.jsonl."""
    result = read_one(folder / "done" / f"{run.name}.json")
    if result is None or digest_of(result.facts) != run.digest:
        return None
    result = dataclasses.replace(result, place=place)
    append(folder, result)
    return result


def _context(threads: int) -> Any:
    """Processes that start from one which has imported torch already, where the system can fork."""
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for the processes to come: torch is not imported here
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver, resource_tracker

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gpt2.training.text_run", "torch.utils.tensorboard", "experiments.work"])
    # A terminal sends Ctrl-C to all of them. They end with the sweep; a traceback of each would only hide what it says.
    resource_tracker.ensure_running()  # which would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context
