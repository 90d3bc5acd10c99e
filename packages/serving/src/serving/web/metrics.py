"""Numbers for Prometheus, in a registry of their own: the engine's, read when somebody asks, and counts of requests."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram as Seconds, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from ..jobs import Serves
from ..status import Histogram
from .access_log import Record

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class EngineNumbers:
    """A collector of what the engine counts."""

    def __init__(self, engine: Serves) -> None:
        self.engine = engine

    def collect(self) -> Iterator[Metric]:
        """All of them, as they are now."""
        stats = self.engine.stats
        for name, said, value in (
            ("queued_rows", "Rows that wait for a place.", stats.queued),
            ("queue_places", "Rows that may wait.", stats.queue_places),
            ("running_rows", "Rows that are being written.", stats.running),
            ("row_places", "Rows that may be written at a time.", stats.places),
            ("tokens_per_second", "New tokens of late, all rows together.", stats.tokens_per_second),
            ("ready", "1 where a request would be taken.", float(self.engine.state == "ready")),
        ):
            yield GaugeMetricFamily(f"serving_{name}", said, value)
        for name, said, count in (
            ("prompt_tokens", "Prompt tokens read.", stats.prompt_tokens),
            ("new_tokens", "New tokens written.", stats.new_tokens),
            ("steps", "Calls of the model.", stats.steps),
        ):
            yield CounterMetricFamily(f"serving_{name}", said, count)
        jobs = CounterMetricFamily("serving_jobs", "Jobs by how they ended.", labels=["end"])
        for end, count in stats.jobs.items():
            jobs.add_metric([end], count)
        yield jobs
        yield histogram("waiting_seconds", "From arrival to a place.", stats.waiting)
        yield histogram("first_token_seconds", "From arrival to the first token.", stats.first_token)
        yield histogram("between_tokens_seconds", "Between two tokens of a text.", stats.between_tokens)
        for served in self.engine.models.values():
            info = InfoMetricFamily("serving_model", "What is served.")
            facts = {"precision": served.precision, "system_fingerprint": served.system_fingerprint}
            info.add_metric([], {"model": served.name, **facts})
            yield info


class Metrics:
    """The numbers of one server."""

    def __init__(self, engine: Serves) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(EngineNumbers(engine))
        self.requests = Counter(
            "serving_requests", "Requests by path and status.", ["path", "status"], registry=self.registry
        )
        self.seconds = Seconds(
            "serving_request_seconds", "From a request to the end of its answer.", ["path"], registry=self.registry
        )
        self.paths: frozenset[str] = frozenset()
        """Those that exist; others count together."""

    def count(self, record: Record) -> None:
        """Count one request that is over; one whose client left before has the status 499, as nginx has it."""
        path = record.path if record.path in self.paths else "other"
        line = record.line()
        self.requests.labels(path, "499" if "left" in record.facts else str(record.status)).inc()
        self.seconds.labels(path).observe(line["seconds"])

    def text(self) -> bytes:
        """All numbers in Prometheus' text format."""
        return generate_latest(self.registry)


def histogram(name: str, said: str, found: Histogram) -> HistogramMetricFamily:
    """One of the engine's histograms, whose counts Prometheus wants cumulative."""
    buckets, total = [], 0
    for bound, count in zip([*map(str, found.bounds), "+Inf"], found.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return HistogramMetricFamily(f"serving_{name}", said, buckets=buckets, sum_value=found.sum)
