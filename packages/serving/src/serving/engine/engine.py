"""The engine: one thread that owns the models and steps their batches, and the door through which jobs come."""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import Condition, Event, RLock, Thread

import torch

from ..jobs import Draining, Full, Job, NotTaking, Ticket, UnknownModel
from ..queueing import Tally
from ..status import Served, State, Stats
from .apart import Apart
from .checks import check_job
from .forms import Compiler, compiled
from .loading import Loaded
from .work import Work

logger = logging.getLogger(__name__)
IDLE = 0.2
"""Seconds after which an idle engine looks at deadlines."""


class Engine:
    """Serves the models that `loaders` load, in a thread of its own; see `jobs.Serves` for what it promises.

    In a round the thread takes in new jobs, ends the rows of those that nobody waits for, lets every batch make one
    call of its model, tells what is new, and gives one turn to whoever decodes apart. `queue`: rows that may wait
    beyond those that have a place. `seconds`: the longest that a job may take (None: no limit). `threads`: torch's, for
    results do not depend on load but do on their number.
    """

    def __init__(
        self,
        loaders: Sequence[Callable[[], Loaded]],
        *,
        queue: int = 32,
        seconds: float | int | None = None,
        threads: int | None = None,
    ) -> None:
        self.queue, self.seconds = queue, seconds
        self.threads = threads or torch.get_num_threads()
        self.tally = Tally()
        self.loaded: dict[str, Loaded] = {}
        self.works: list[Work] = []
        """Those that were taken and are not over; under the lock."""
        self.lock, self.wake = RLock(), Event()
        self.over = Condition(self.lock)
        self.inbox: deque[Work] = deque()
        self.problem: str | None = None
        self.phase: State = "loading"
        self.compiler = Compiler()
        self.apart = Apart(self.wake.set, self.threads)
        self.thread = Thread(target=self._run, args=(list(loaders),), name="serving-engine", daemon=True)
        self.thread.start()

    @property
    def state(self) -> State:
        """See `Serves.state`."""
        if self.phase == "ready" and self._waiting() >= max(1, self.queue):
            return "full"
        return self.phase

    @property
    def models(self) -> Mapping[str, Served]:
        """See `Serves.models`."""
        return {} if self.phase == "loading" else {name: one.served for name, one in self.loaded.items()}

    @property
    def stats(self) -> Stats:
        """See `Serves.stats`."""
        with self.lock:
            waiting, running = self._waiting(), sum(work.running for work in self.works)
        tally = self.tally
        return Stats(
            queued=waiting,
            queue_places=self.queue,
            running=running,
            places=sum(one.batch.max_rows for one in list(self.loaded.values())),
            jobs=dict(tally.jobs),
            prompt_tokens=tally.prompt_tokens,
            new_tokens=tally.new_tokens,
            steps=tally.steps,
            tokens_per_second=tally.tokens.per_second(time.monotonic()),
            waiting=tally.waiting.shown,
            first_token=tally.first_token.shown,
            between_tokens=tally.between_tokens.shown,
        )

    def submit(self, job: Job) -> Ticket:
        """See `Serves.submit`."""
        if self.phase != "ready":
            raise Draining if self.phase == "draining" else NotTaking(self.phase)
        loaded = self.loaded.get(job.model)
        if loaded is None:
            raise UnknownModel(
                f"wanted one of the models {', '.join(self.loaded)}, got {job.model!r}; name one of these"
            )
        check_job(job, loaded)
        now = time.monotonic()
        seconds = min((limit for limit in (job.deadline, self.seconds) if limit is not None), default=None)
        work = Work(job, loaded, now, None if seconds is None else now + seconds, self.tally, self.wake)
        with self.lock:
            if self.phase != "ready":
                raise Draining
            waiting, free = self._waiting(), loaded.batch.max_rows - sum(w.running for w in self._of(loaded))
            if waiting and waiting + work.size - max(0, free) > self.queue:
                self.tally.jobs["full"] += 1
                raise Full(self.tally.retry_after(waiting, now))
            self.works.append(work)
        if job.form is None:
            self._let_in(work)
        else:
            self.compiler.queue.put(lambda: self._compile(work))
        return work

    def drain(self, seconds: float | int) -> bool:
        """See `Serves.drain`."""
        with self.lock:
            if self.phase in ("ready", "loading"):
                self.phase = "draining"
            end = time.monotonic() + seconds
            while self.works and (left := end - time.monotonic()) > 0:
                self.over.wait(left)
            left_over = list(self.works)
            for work in left_over:
                work.cancel()
            while self.works and self.thread.is_alive():
                self.over.wait(IDLE)
        return not left_over

    def stop(self) -> None:
        """See `Serves.stop`."""
        self.drain(0.0)
        self.phase = "stopped"
        self.compiler.stop()
        self.apart.stop()
        self.wake.set()
        self.thread.join()

    def wait_until_ready(self, seconds: float | int | None = None) -> None:
        """Block while models are loaded. RuntimeError where that failed, TimeoutError where it takes longer."""
        with self.over:
            if not self.over.wait_for(lambda: self.phase != "loading", seconds):
                raise TimeoutError(f"wanted models within {seconds} s, got none yet; wait longer")
        if self.phase == "broken":
            raise RuntimeError(self.problem)

    def _waiting(self) -> int:
        with self.lock:
            return sum(work.waiting for work in self.works)

    def _of(self, loaded: Loaded) -> list[Work]:
        return [work for work in self.works if work.loaded is loaded]

    def _compile(self, work: Work) -> None:
        form, rows = work.job.form, len(work.job.prompts) * work.each
        try:
            if form is not None and not work.cancelled:
                work.constraints = compiled(form, work.loaded.tokenizer, rows)
        except Exception as error:
            work.problem = error
        self._let_in(work)

    def _let_in(self, work: Work) -> None:
        self.inbox.append(work)
        self.wake.set()

    def _run(self, loaders: list[Callable[[], Loaded]]) -> None:
        torch.set_num_threads(self.threads)
        try:
            for load in loaders:
                found = load()
                self.loaded[found.served.name] = found
        except Exception as error:
            self.problem = str(error) or type(error).__name__
        with self.lock:
            self.phase = "broken" if self.problem is not None else "ready" if self.phase == "loading" else self.phase
            self.over.notify_all()
        while self.phase not in ("stopped", "broken"):
            self.wake.clear()
            try:
                worked = self._round()
            except Exception as error:  # a mistake of this program: whoever waits shall know
                self._break(error)
                return
            if not worked:
                self.wake.wait(IDLE)

    def _break(self, error: Exception) -> None:
        """Nothing is computed any more: everyone who waits is told, and nobody else is taken."""
        logger.exception("the engine ends: %s", error)
        with self.lock:
            self.problem, self.phase = str(error) or type(error).__name__, "broken"
            for work in self.works:
                if not work.done:
                    work.fail(error, time.monotonic())
            self.works = []
            self.over.notify_all()

    def _round(self) -> bool:
        """Whether there was anything to do."""
        worked = self._take_in()
        for loaded in self.loaded.values():
            worked |= self._step(loaded)
        worked |= self.apart.turns.give()
        with self.lock:
            if any(work.done for work in self.works):
                self.works = [work for work in self.works if not work.done]
                self.over.notify_all()
        return worked

    def _take_in(self) -> bool:
        worked, now = bool(self.inbox), time.monotonic()
        while self.inbox:
            work = self.inbox.popleft()
            try:
                if work.problem is not None:
                    raise work.problem
                work.enter()
            except Exception as error:
                work.fail(error, now)
        return worked

    def _step(self, loaded: Loaded) -> bool:
        now = time.monotonic()
        works = [work for work in self._of(loaded) if work.entered and not work.done and work not in self.apart.works]
        for work in works:
            work.check(now)
        if not works:
            return False
        try:
            loaded.batch.advance()
            self.tally.steps += 1
        except Exception as error:  # of a call for all rows together: nobody knows whose
            logger.exception("a step of model %s failed", loaded.served.name)
            for work in works:
                work.fail(error, time.monotonic())
        now = time.monotonic()
        for work in works:
            work.tell_new(now)
            if not work.done and work.is_ready_apart:
                self.apart.add(work)
        return True
