"""An engine that keeps to the seam and has no model: texts are drawn from letters, one a step and row. No torch."""

import random
import threading
import time
from dataclasses import dataclass, field
from functools import cache

from gpt2 import Tokenizer
from serving.jobs import Draining, Failed, Finished, Full, NotTaking, Piece, PromptScores, UnknownModel, Usage
from serving.status import Histogram, Served, Stats

LETTERS = "abcdefghijklmnopqrstuvwxyz ,."
TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}\n{% endfor %}"
    "{% if messages[-1].role == 'system' %}{{ raise_exception('wanted a user to have the last word') }}{% endif %}"
    "<|assistant|>"
)


@cache
def tokenizer(special=()):
    return Tokenizer({bytes([byte]): byte for byte in range(256)}, special=special)


def served(name="fake", n_ctx=256, **facts):
    own = tokenizer(facts.pop("special", ()))
    usual = {"source": name, "parameters": 1, "precision": "float32", "exact": True, "system_fingerprint": "fp_0123"}
    return Served(name=name, n_ctx=n_ctx, n_vocab=own.n_vocab, tokenizer=own, **{**usual, **facts})


@dataclass(eq=False)
class Task:
    """A job under way, and its ticket."""

    job: object
    submitted: float = field(default_factory=time.perf_counter)
    rows: dict = field(default_factory=dict)
    done: bool = False
    cancelled: bool = False

    def cancel(self):
        self.cancelled = True


class FakeEngine:
    """`pace`: seconds a step; `steps` counts them; `burst`: letters of a row in one.
    Tasks beyond `places` wait, those beyond `queue` are Full."""

    def __init__(self, *models, places=8, queue=8, pace=0.0, burst=1):
        self.models = {one.name: one for one in models or (served(),)}
        self.places, self.queue, self.pace = places, queue, pace
        self.burst = burst
        self.state, self.problem, self.steps, self.retry_after = "ready", None, 0, 3
        self.lock, self.work, self.tasks = threading.Lock(), threading.Event(), []
        self.ends = {"finished": 0, "cancelled": 0, "full": 0}
        self.new_tokens, self.most_tasks, self.fails = 0, 0, None
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def stats(self):
        empty = Histogram((0.1, 1.0), (1, 2, 3), 4.0)
        waiting = max(0, len(self.tasks) - self.places)
        return Stats(
            queued=waiting,
            queue_places=self.queue,
            running=len(self.tasks) - waiting,
            places=self.places,
            jobs=self.ends,
            prompt_tokens=0,
            new_tokens=self.new_tokens,
            steps=self.steps,
            tokens_per_second=0.0,
            waiting=empty,
            first_token=empty,
            between_tokens=empty,
        )

    def submit(self, job):
        if job.model not in self.models:
            raise UnknownModel(f"wanted one of {list(self.models)}, got {job.model}")
        with self.lock:
            if self.state == "draining":
                raise Draining
            if self.state != "ready":
                raise NotTaking(self.state)
            if len(self.tasks) >= self.places + self.queue:
                self.ends["full"] += 1
                raise Full(self.retry_after)
            task = Task(job)
            self.tasks.append(task)
            self.most_tasks = max(self.most_tasks, len(self.tasks))
        self.work.set()
        return task

    def drain(self, seconds):
        self.state = "draining"
        until = time.perf_counter() + seconds
        while self.tasks and time.perf_counter() < until:
            time.sleep(0.002)
        whole = not self.tasks
        for task in list(self.tasks):
            task.cancel()
        while self.tasks:
            time.sleep(0.002)
        return whole

    def stop(self):
        self.drain(0)
        self.state = "stopped"
        self.work.set()

    def _run(self):
        while self.state != "stopped":
            if not self.tasks:
                self.work.clear()
                self.work.wait(0.05)
                continue
            with self.lock:
                running = self.tasks[: self.places]
                gone = [task for task in self.tasks[self.places :] if task.cancelled]
            for task in [*running, *gone]:
                self._step(task)
            self.steps += 1
            time.sleep(self.pace)

    def _step(self, task):
        job, event = task.job, None
        if self.fails is not None:
            self._end(task, Failed(*self.fails))
            return
        if not task.rows:
            if job.prompt_log_probabilities is not None:
                for number, prompt in enumerate(job.prompts):
                    values = (None, *(-float(token) / 100 for token in prompt[1:]))
                    likely = ((), *(((token, -float(token) / 100),) for token in prompt[1:]))
                    job.tell(PromptScores(number, values, likely))
            count = 0 if job.only_prompt else len(job.prompts) * job.samples
            task.rows = {row: random.Random(f"{job.settings.seed} {row}") for row in range(count)}
        for row, draws in list(task.rows.items()):
            if task.cancelled:
                job.tell(Piece(row, (), "", finish_reason="cancelled"))
                del task.rows[row]
                continue
            most = job.settings.max_new_tokens - getattr(draws, "written", 0)
            text = "".join(draws.choice(LETTERS) for _ in range(min(self.burst, most)))
            draws.written = getattr(draws, "written", 0) + len(text)
            self.new_tokens += len(text)
            reason = "max_new_tokens" if len(text) == most else None
            times = len(text) if job.settings.log_probabilities is not None else 0
            job.tell(Piece(row, tuple(text.encode()), text, (-1.5,) * times, (((97, -1.0),),) * times, reason))
            if reason:
                del task.rows[row]
        if not task.rows:
            read, new = sum(map(len, job.prompts)), job.settings.max_new_tokens * len(job.prompts) * job.samples
            seconds = time.perf_counter() - task.submitted
            event = Finished(Usage(read, 0 if job.only_prompt else new, 0.0, None, seconds))
            self._end(task, event)

    def _end(self, task, event):
        task.done = True
        with self.lock:
            self.tasks.remove(task)
        self.ends["cancelled" if task.cancelled else "finished"] += 1
        task.job.tell(event)
