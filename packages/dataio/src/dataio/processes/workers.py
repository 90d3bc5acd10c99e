"""Reading in other processes: torch's DataLoader is the engine; ours is what it is asked, and what failures say."""

import contextlib
import multiprocessing
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pickle import PicklingError
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

GUARD = """a script that reads with workers runs again in each of them, so its work has to stand under a guard:

    def main():
        ...  # everything that reads batches

    if __name__ == "__main__":
        main()
"""


class WorkerError(RuntimeError):
    """A worker process could not be started, or ended without having been asked to."""


@dataclass(frozen=True)
class Failure:
    """What a worker sends in place of a batch that it could not read."""

    index: int | None
    message: str
    trace: str


class StepDataset(Dataset[Any]):
    """A loader's steps as torch's DataLoader wants them: item n is step n, or why it could not be read."""

    def __init__(self, read: Callable[[int], Any]) -> None:
        self.read = read

    def __getitem__(self, step: int) -> Any:
        try:
            return self.read(step)
        except Exception as error:
            # Sent as a value: DataLoader itself would rebuild the exception without its index.
            return Failure(getattr(error, "index", None), f"{error}", traceback.format_exc())


def read_with_workers(
    read: Callable[[int], Any],
    steps: Iterable[int],
    num_workers: int,
    start_method: str | None,
    pin_memory: bool,
    of_example: Callable[[int, str], Exception],
) -> Iterator[Any]:
    """Iterate over read(step) for each of the steps, in order, read by `num_workers` processes that start now.

    of_example: makes the error for an example that could not be read, of its index and a message.

    Raises:
        what `of_example` makes: an example could not be read.
        WorkerError: a worker was killed or did not start; without a `__main__` guard the message explains it.
    """
    refuse_to_start_inside_a_starting_worker()
    method = start_method or multiprocessing.get_start_method()
    loader = DataLoader(
        StepDataset(read),
        batch_size=None,
        sampler=steps,
        num_workers=num_workers,
        multiprocessing_context=method,
        collate_fn=_unchanged,
        pin_memory=pin_memory,
        generator=torch.Generator(),  # DataLoader draws a seed for its workers: not from the run's own generator
    )
    return _received(_started(loader, method), method, of_example)


def _received(source: Iterator[Any], method: str, of_example: Callable[[int, str], Exception]) -> Iterator[Any]:
    first = True
    while True:
        try:
            batch = next(source)
        except StopIteration:
            return
        except (RuntimeError, ConnectionError, EOFError) as error:
            raise WorkerError(_why_it_died(error, method, first)) from error
        first = False
        if isinstance(batch, Failure):
            message = f"{batch.message}\n\nIn the worker:\n{batch.trace}"
            raise RuntimeError(message) if batch.index is None else of_example(batch.index, message)
        yield batch


def refuse_to_start_inside_a_starting_worker() -> None:
    """Raise when this very process is a worker that is still importing the main script (which lacks its guard)."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise WorkerError(
            "wanted to start workers from the main program, but got here while a worker was importing it; " + GUARD
        )


def _started(loader: DataLoader[Any], method: str) -> Iterator[Any]:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Got pickle error", UserWarning)  # the error below says more
            with _signals_left_alone():
                return iter(loader)
    except (AttributeError, TypeError, PicklingError) as error:
        raise WorkerError(
            f"wanted a dataset that can be sent to a worker (start method {method!r}), got {error}; define its classes "
            "and functions at the top level of a module (no lambda), or read with start_method='fork' or num_workers=0"
        ) from error
    except (OSError, EOFError) as error:
        raise WorkerError(_why_it_died(error, method, first=True)) from error


@contextlib.contextmanager
def _signals_left_alone() -> Iterator[None]:
    """The handler of SIGCHLD stays what it was.

    torch's own raises a dead worker's name in the main thread, wherever that then is: in a garbage collection, while a
    file is being closed. Without it, the next batch says the same, after at most five seconds.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGCHLD"):
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def _why_it_died(error: BaseException, method: str, first: bool) -> str:
    said = str(error).split(" Caught")[0]
    text = (
        f"wanted {'a first batch' if first else 'the next batch'} from the workers, but one of them ended: {said}; "
        "look above for what it printed, give it more memory (or use fewer workers), "
        "or read with num_workers=0 to see an error in place"
    )
    if first and method != "fork":
        text += f". If the main script has no `__main__` guard, that is why: {GUARD}"
    return text


def _unchanged(batch: Any) -> Any:
    return batch
