"""A job under way: its rows in the batch, and what of them has been told."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from decoding import Generated, GenerationSettings
from decoding.requests.methods import method_of

from ..jobs import Event, Failed, Finished, Job, PromptScores, Usage, Why
from ..queueing import Tally
from .loading import Loaded
from .scores import PromptScorer
from .telling import Told, best_first, new_piece, whole_piece
from .texts import RowText

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Work:
    """One job that was taken; also the `Ticket` that its caller holds."""

    job: Job
    loaded: Loaded
    submitted: float
    deadline: float | int | None
    tally: Tally
    wake: "object"
    constraints: Sequence[object] = ()
    rows: list[Told] = field(default_factory=list)
    cancelled: bool = False
    overdue: bool = False
    done: bool = False
    began: float | None = None
    first: float | None = None
    new_tokens: int = 0
    apart_told: int = 0
    problem: Exception | None = None
    """What went wrong before it was let in."""
    entered: bool = False

    def cancel(self) -> None:
        """See `Ticket.cancel`."""
        self.cancelled = True
        self.wake.set()  # type: ignore[attr-defined]

    @property
    def size(self) -> int:
        """Rows that it takes."""
        return len(self.job.prompts) * (1 if self.is_apart else self.each)

    @property
    def each(self) -> int:
        """Rows a prompt."""
        return self.job.candidates or self.job.samples

    @property
    def is_apart(self) -> bool:
        """Whether it is decoded by another method than the loop."""
        return not self.job.only_prompt and (method_of(self.job.settings) != "loop" or self.job.guidance is not None)

    @property
    def waiting(self) -> int:
        """Rows that have no place yet."""
        if self.done or (self.is_apart and self.began is not None):
            return 0
        if self.is_apart or not self.entered:
            return self.size
        return sum(told.row.finish_reason is None and not told.row.began for told in self.rows)

    @property
    def running(self) -> int:
        """Rows that have one in the batch."""
        return sum(told.row.finish_reason is None and told.row.began for told in self.rows)

    def enter(self) -> None:
        """Put its rows into the batch: of a method apart only those that score prompts."""
        self.entered = True
        job, batch = self.job, self.loaded.batch
        settings = job.settings
        if job.candidates:
            settings = replace(settings, log_probabilities=settings.log_probabilities or 0)
        scores = job.prompt_log_probabilities
        for number, prompt in enumerate(job.prompts):
            each = 1 if job.only_prompt or self.is_apart else self.each
            for sample in range(each):
                watch = None
                if sample == 0 and scores is not None:
                    watch = PromptScorer(number, prompt, scores, self.loaded.vocabulary.known, self._tell_scores)
                elif job.only_prompt or self.is_apart:
                    continue
                at = number * self.each + sample
                constraint = self.constraints[at] if self.constraints and not self.is_apart else None
                own = GenerationSettings(max_new_tokens=1) if self.is_apart else settings
                row = batch.add(prompt, own, constraint, number=at, watch=watch)  # type: ignore[arg-type]
                self.rows.append(Told(row, at, RowText(self.loaded.tokenizer, row)))

    def _tell_scores(self, scores: PromptScores) -> None:
        self.tell(scores)
        if self.job.only_prompt or self.is_apart:  # whose rows are there for their scores alone
            self.rows[scores.prompt].row.cancel()

    def check(self, now: float) -> None:
        """End the rows where the client has gone, or the time is up."""
        self.overdue = self.overdue or (self.deadline is not None and now > self.deadline)
        if self.cancelled or self.overdue:
            for told in self.rows:
                told.row.cancel()

    def tell_new(self, now: float) -> None:
        """Tell what is new of the rows; at the end, that it is the end."""
        if self.done:
            return
        for told in self.rows:
            row = told.row
            if row.failure is not None:
                self.fail(row.failure, now)
                return
            if row.began:
                self.begin(now)
            if len(row.ids) > told.ids or (row.finish_reason is not None and not told.ended):
                self._count(told, now)
                if not (self.job.only_prompt or self.is_apart or self.job.candidates):
                    self.tell(new_piece(told, self._why(told.row.finish_reason)))
                told.ids, told.ended = len(row.ids), row.finish_reason is not None
        if all(told.ended for told in self.rows) and not self.is_apart:
            self.finish(now)

    @property
    def is_ready_apart(self) -> bool:
        """Whether it is of a method apart, and its prompts are scored."""
        return self.is_apart and all(told.ended for told in self.rows)

    def _count(self, told: Told, now: float) -> None:
        new = len(told.row.ids) - told.ids
        if new:
            self.new_tokens += new
            self.tally.new_tokens += new
            self.tally.tokens.add(now, new)
            if self.first is None:
                self.first = now - self.submitted
                self.tally.first_token.add(self.first)
            if told.last is not None:
                self.tally.between_tokens.add(now - told.last)
            told.last = now
        if told.row.finish_reason is not None:
            self.tally.rows.add(now)

    def _why(self, reason: Why | None) -> Why | None:
        return "deadline" if reason == "cancelled" and self.overdue and not self.cancelled else reason

    def begin(self, now: float) -> None:
        """It has its place."""
        if self.began is None:
            self.began = now
            self.tally.waiting.add(now - self.submitted)

    def count_whole(self, result: Generated, now: float) -> None:
        """Count the tokens of a row that is known as a whole."""
        new = len(result.ids)
        self.new_tokens += new
        self.tally.new_tokens += new
        self.tally.tokens.add(now, new)
        self.tally.rows.add(now)
        if self.first is None and new:
            self.first = now - self.submitted
            self.tally.first_token.add(self.first)

    def tell_result(self, number: int, result: Generated) -> None:
        """Tell a row that is known as a whole."""
        why = self._why(result.finish_reason)
        self.tell(whole_piece(number, result, self.job.settings, self.loaded.tokenizer, why))

    def _tell_best(self) -> None:
        for prompt in range(len(self.job.prompts)):
            drawn = [told.row.result for told in self.rows[prompt * self.each : (prompt + 1) * self.each]]
            for sample, result in enumerate(best_first(drawn, self.job)):
                self.tell_result(prompt * self.job.samples + sample, result)

    def finish(self, now: float) -> None:
        """All has been told."""
        if self.done:
            return
        begun = self.began is not None or self.new_tokens > 0 or not self.size
        if self.overdue and not self.cancelled and not begun:
            seconds = now - self.submitted
            self.end(
                "late", Failed(f"wanted a place before the deadline, got none in {seconds:.1f} s; try again", "late")
            )
            return
        if self.job.candidates and self.rows and not self.is_apart:
            self._tell_best()
        prompts = sum(map(len, self.job.prompts))
        self.tally.prompt_tokens += prompts
        waited = (self.began if self.began is not None else now) - self.submitted
        usage = Usage(prompts, self.new_tokens, waited, self.first, now - self.submitted)
        self.end("cancelled" if self.cancelled else "late" if self.overdue else "finished", Finished(usage))

    def fail(self, error: BaseException, now: float) -> None:
        """This job cannot go on."""
        for told in self.rows:
            told.row.cancel()
        kind = "refused" if isinstance(error, ValueError | TypeError | ImportError) else "broken"
        if isinstance(error, MemoryError) or "not enough memory" in str(error):
            kind = "memory"
        if kind == "broken":
            logger.error("job %s failed", self.job.name, exc_info=error)
        self.end("failed", Failed(str(error) or type(error).__name__, kind))  # type: ignore[arg-type]

    def end(self, how: str, event: Event) -> None:
        """Tell the last event, once."""
        if not self.done:
            self.done = True
            self.tally.jobs[how] += 1
            self.tell(event)

    def tell(self, event: Event) -> None:
        """Hand an event on; what the listener raises is its own affair."""
        try:
            self.job.tell(event)
        except Exception:
            logger.exception("whoever listens to job %s failed", self.job.name)
            self.cancelled = True
