"""Figures for Prometheus: what the core and the library tell, counted; what is, looked up."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, assert_never

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from core.alerts import Alerts, Trouble
from core.engines.queue import Load
from core.events import Platform
from core.meters import (
    Delivered,
    FirstWord,
    Generated,
    JobEnded,
    Learnt,
    Measured,
    Replied,
    Searched,
)
from knowledge_base.models import Extent

_EXTENT_SECONDS: Final = 60.0
"""Counting documents reads a table: not for every scrape."""
_SHORT: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_LONG: Final = (0.1, 0.5, 1, 5, 15, 60, 300, 900)
_RELEVANCE: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Sights:
    """Where what is there at this moment can be looked up."""

    loads: Callable[[], Mapping[str, Load]]
    connected: Callable[[], Mapping[Platform, bool]]
    extent: Callable[[], Awaitable[Extent]]
    alerts: Alerts
    folder: Path
    """Of the data: its disk is watched."""


class Figures:
    """Counts what it is told; no label ever holds what a person is called or has written."""

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry(auto_describe=False)
        here = self.registry
        self._first = Histogram(
            "lorekeeper_first_word_seconds",
            "From a question's turn to the first word of its answer.",
            ["surface"], buckets=_SHORT, registry=here,
        )  # fmt: skip
        self._reply = Histogram(
            "lorekeeper_reply_seconds",
            "From a message's turn to the end of the reply, by how it ended.",
            ["surface", "outcome"], buckets=_SHORT, registry=here,
        )  # fmt: skip
        self._errors = Counter(
            "lorekeeper_errors_total",
            "Replies that an error ended, by the error.",
            ["code"], registry=here,
        )  # fmt: skip
        self._search = Histogram(
            "lorekeeper_search_seconds",
            "Searching the documents once, the question's embedding included.",
            buckets=_QUICK, registry=here,
        )  # fmt: skip
        self._relevance = Histogram(
            "lorekeeper_search_relevance",
            "Relevance of the best passage of a search.",
            buckets=_RELEVANCE, registry=here,
        )  # fmt: skip
        self._alone = Counter(
            "lorekeeper_searches_by_words_alone_total",
            "Searches in which no embedding took part.",
            registry=here,
        )  # fmt: skip
        self._wait = Histogram(
            "lorekeeper_engine_wait_seconds",
            "Waiting for a slot of an engine.",
            ["engine"], buckets=_SHORT, registry=here,
        )  # fmt: skip
        self._engine = Histogram(
            "lorekeeper_engine_seconds",
            "From the slot to the engine's last word.",
            ["engine"], buckets=_SHORT, registry=here,
        )  # fmt: skip
        self._tokens = Counter(
            "lorekeeper_engine_tokens_total",
            "Tokens that an engine read and wrote.",
            ["engine", "kind"], registry=here,
        )  # fmt: skip
        self._failures = Counter(
            "lorekeeper_engine_failures_total",
            "Requests that an engine did not bring to their end, by the error.",
            ["engine", "code"], registry=here,
        )  # fmt: skip
        self._uploads = Counter(
            "lorekeeper_uploads_total",
            "Files offered to bases, by what became of them.",
            ["outcome"], registry=here,
        )  # fmt: skip
        self._learning = Histogram(
            "lorekeeper_upload_seconds",
            "Reading, embedding and storing one file.",
            buckets=_LONG, registry=here,
        )  # fmt: skip
        self._deliveries = Counter(
            "lorekeeper_deliveries_total",
            "What platforms were asked to show, and whether they did; limited: later (429).",
            ["platform", "call", "outcome"], registry=here,
        )  # fmt: skip
        self._jobs = Counter(
            "lorekeeper_job_runs_total",
            "Runs of jobs, by how they ended.",
            ["job", "outcome"], registry=here,
        )  # fmt: skip
        self._job = Histogram(
            "lorekeeper_job_seconds",
            "From the beginning of a job's run to its end.",
            ["job"], buckets=_LONG, registry=here,
        )  # fmt: skip
        self._log = Counter(
            "lorekeeper_log_records_total",
            "Lines of the log from WARNING on.",
            ["level"], registry=here,
        )  # fmt: skip
        self._now = _Now(here)
        ProcessCollector(registry=here)

    def note(self, measured: Measured) -> None:
        """See `core.meters.Meters`."""
        match measured:
            case FirstWord(surface, seconds):
                self._first.labels(surface.value).observe(seconds)
            case Replied(surface, outcome, seconds, code):
                self._reply.labels(surface.value, outcome).observe(seconds)
                if code:
                    self._errors.labels(code).inc()
            case Searched(seconds, relevance, by_words_alone):
                self._search.observe(seconds)
                self._relevance.observe(relevance)
                self._alone.inc(int(by_words_alone))
            case Generated():
                self._generated(measured)
            case Learnt(outcome, seconds):
                self._uploads.labels(outcome).inc()
                self._learning.observe(seconds)
            case Delivered(platform, call, outcome):
                self._deliveries.labels(platform.value, call, outcome).inc()
            case JobEnded(name, outcome, seconds):
                self._jobs.labels(name, outcome).inc()
                self._job.labels(name).observe(seconds)
            case _:
                assert_never(measured)

    def _generated(self, one: Generated) -> None:
        self._wait.labels(one.engine).observe(one.waited_seconds)
        self._engine.labels(one.engine).observe(one.seconds)
        self._tokens.labels(one.engine, "prompt").inc(one.prompt_tokens)
        self._tokens.labels(one.engine, "completion").inc(one.completion_tokens)
        if one.code:
            self._failures.labels(one.engine, one.code).inc()

    def counting(self) -> logging.Handler:
        """A handler for the root logger: how much there is to read in the log."""
        return _Counted(self._log)

    async def exposition(self, sights: Sights) -> bytes:
        """Everything in Prometheus' text format."""
        await self._now.look(sights)
        return generate_latest(self.registry)


class _Now:
    """What is there at this moment."""

    def __init__(self, here: CollectorRegistry) -> None:
        self._slots = Gauge(
            "lorekeeper_engine_slots", "Requests an engine serves at once.", ["engine"],
            registry=here,
        )  # fmt: skip
        self._busy = Gauge(
            "lorekeeper_engine_busy", "Slots of an engine in use.", ["engine"], registry=here
        )
        self._waiting = Gauge(
            "lorekeeper_engine_waiting", "Requests waiting for a slot, by lane.",
            ["engine", "lane"], registry=here,
        )  # fmt: skip
        self._connected = Gauge(
            "lorekeeper_surface_connected", "Whether a chat platform is connected.", ["surface"],
            registry=here,
        )  # fmt: skip
        self._trouble = Gauge(
            "lorekeeper_troubles", "What is wrong and has lasted, as owners are told of it.",
            ["trouble"], registry=here,
        )  # fmt: skip
        self._bases = Gauge("lorekeeper_bases", "Bases with documents.", registry=here)
        self._documents = Gauge("lorekeeper_documents", "Documents in all bases.", registry=here)
        self._passages = Gauge("lorekeeper_passages", "Passages in all bases.", registry=here)
        self._bytes = Gauge(
            "lorekeeper_originals_bytes", "Size of the files that documents were made of.",
            registry=here,
        )  # fmt: skip
        self._free = Gauge(
            "lorekeeper_disk_free_bytes", "Free space for the data directory.", registry=here
        )
        self._counted_at = -_EXTENT_SECONDS

    async def look(self, sights: Sights) -> None:
        for engine, load in sights.loads().items():
            self._slots.labels(engine).set(load.slots)
            self._busy.labels(engine).set(load.busy)
            self._waiting.labels(engine, "people").set(load.waiting)
            self._waiting.labels(engine, "background").set(load.waiting_in_background)
        for platform, connected in sights.connected().items():
            self._connected.labels(platform.value).set(connected)
        standing = [subject.trouble for subject in sights.alerts.standing]
        for trouble in Trouble:
            self._trouble.labels(trouble.value).set(standing.count(trouble))
        self._free.set(shutil.disk_usage(sights.folder).free)
        if time.monotonic() - self._counted_at >= _EXTENT_SECONDS:
            extent = await sights.extent()
            self._counted_at = time.monotonic()
            self._bases.set(extent.bases)
            self._documents.set(extent.documents)
            self._passages.set(extent.passages)
            self._bytes.set(extent.size)


class _Counted(logging.Handler):
    def __init__(self, counter: Counter) -> None:
        super().__init__(logging.WARNING)
        self._counter = counter

    def emit(self, record: logging.LogRecord) -> None:
        self._counter.labels(record.levelname.lower()).inc()
