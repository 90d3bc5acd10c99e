"""The place of their own for jobs of other methods than the loop: beams, contrastive search, look-up, guidance."""

import time
from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue
from threading import Thread

import torch

from decoding import Generated, GuidedModel, generate_ids
from decoding.requests.methods import method_of

from .turns import Left, ModelInTurns, Turns
from .work import Work


class Apart:
    """A thread that decodes such jobs one after the other, each call of the model in turn with the steps of the batch.

    These methods keep whole searches in caches of their own, so their rows have no places in the batch. One job at a
    time bounds their memory, and call for call is fair: beside a beam search the batch goes on at half its speed.
    """

    def __init__(self, wake: Callable[[], None], threads: int) -> None:
        self.turns = Turns(wake)
        self.queue: SimpleQueue[Work | None] = SimpleQueue()
        self.threads = threads
        self.works: list[Work] = []
        """Those that wait or are under way."""
        self.thread = Thread(target=self._run, name="serving-apart", daemon=True)
        self.thread.start()

    def add(self, work: Work) -> None:
        """Put a job at the end of the line."""
        self.works.append(work)
        self.queue.put(work)

    def stop(self) -> None:
        """The thread ends after what is under way."""
        self.queue.put(None)

    def _run(self) -> None:
        torch.set_num_threads(self.threads)
        while (work := self.queue.get()) is not None:
            try:
                self._decode(work)
            except Left:
                self._tell_left(work)
            except Exception as error:
                work.fail(error, time.monotonic())
            self.works.remove(work)
            self.turns.wake()

    def _decode(self, work: Work) -> None:
        if is_left(work):
            raise Left
        work.begin(time.monotonic())
        job, loaded = work.job, work.loaded
        model = ModelInTurns(loaded.model, self.turns, lambda: is_left(work))
        guided = job.guidance
        used = model if guided is None else GuidedModel(model, guided.scale, guided.negative)
        method = method_of(job.settings)
        settings = replace(job.settings, n_best=job.samples) if method == "beams" else job.settings
        rows = 1 if method == "beams" else work.each
        for number, prompt in enumerate(job.prompts):
            at = number * work.each
            found = generate_ids(
                used,
                [prompt] * rows,
                settings,
                end_of_text=loaded.vocabulary,
                decode_bytes=loaded.tokenizer.decode_bytes,
                constraints=list(work.constraints[at : at + rows]) if work.constraints else None,  # type: ignore[arg-type]
                pack=loaded.packed,
                first_row=at,
            )
            results: list[Generated] = [found[0], *found[0].others] if method == "beams" else found
            for sample, result in enumerate(results[: job.samples]):
                work.count_whole(result, time.monotonic())
                work.tell_result(number * job.samples + sample, result)
                work.apart_told += 1
        work.finish(time.monotonic())

    def _tell_left(self, work: Work) -> None:
        for row in range(work.apart_told, len(work.job.prompts) * work.job.samples):
            work.tell_result(row, Generated((), "cancelled"))
        work.finish(time.monotonic())


def is_left(work: Work) -> bool:
    """Whether nobody waits for it any longer."""
    work.overdue = work.overdue or (work.deadline is not None and time.monotonic() > work.deadline)
    return work.cancelled or work.overdue
