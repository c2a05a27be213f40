"""The figures, their documentation and their dashboard name the same things."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.figures import Figures, Sights
from bot.library_watcher import LibraryWatcher
from core.alerts import Alerts, Subject, Trouble
from core.engines.queue import Load
from core.events import Platform
from core.language import words
from core.meters import Delivered, FirstWord, Generated, Learnt, Replied, Searched
from knowledge_base.errors import EmbeddingUnavailableError, EmptyDocumentError
from knowledge_base.models import Added, AddState, Extent, SearchResult

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("observability.md", "observability.zh-CN.md")
_SUFFIX = re.compile(r"_(bucket|count|sum|created)$")


async def _nobody(_text: str) -> bool:
    return False


async def _extent() -> Extent:
    return Extent(bases=2, documents=3, passages=40, size=5000)


def sights(folder: Path) -> Sights:
    alerts = Alerts(_nobody, words("en"))
    alerts.observe(Subject(Trouble.DISK), well=False)
    return Sights(
        lambda: {"house": Load(slots=4, busy=2, waiting=1, waiting_in_background=0)},
        lambda: {Platform.DISCORD: True, Platform.TELEGRAM: False},
        _extent,
        alerts,
        folder,
    )


async def exposed(figures: Figures, folder: Path) -> dict[str, float]:
    text = (await figures.exposition(sights(folder))).decode()
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())):
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }  # fmt: skip


def named(figures: Figures) -> dict[str, set[str]]:
    """Our metrics as they are written in queries, each with its labels."""
    found = {}
    for collector in set(figures.registry._collector_to_names):
        for metric in collector.describe() if hasattr(collector, "describe") else ():
            if metric.name.startswith("lorekeeper_"):
                name = f"{metric.name}_total" if metric.type == "counter" else metric.name
                found[name] = set(collector._labelnames)
    return found


async def test_what_is_noted_can_be_read(tmp_path):
    figures = Figures()
    for one in (
        FirstWord(Platform.WEB, 0.3),
        Replied(Platform.WEB, "answered", 2.0),
        Replied(Platform.WEB, "failed", 2.0, "queue_full"),
        Searched(0.01, 0.8),
        Searched(0.01, 0.1, by_words_alone=True),
        Generated("house", 0.2, 3.0, 100, 20),
        Generated("house", 0.2, 3.0, code="engine_timeout"),
        Learnt("added", 4.0, 12),
        Delivered(Platform.DISCORD, "edit", "limited"),
    ):
        figures.note(one)
    watcher = LibraryWatcher(figures)
    document = SimpleNamespace(passages=3)
    watcher.added(1.0, Added(document, AddState.REPLACED))
    watcher.added(1.0, EmptyDocumentError("x.pdf"))
    watcher.added(1.0, EmbeddingUnavailableError("x"))
    watcher.searched(0.1, SearchResult((), True, 0.5))
    told = await exposed(figures, tmp_path)
    expected = {
        "lorekeeper_first_word_seconds_count surface=web": 1,
        "lorekeeper_reply_seconds_count outcome=answered surface=web": 1,
        "lorekeeper_errors_total code=queue_full": 1,
        "lorekeeper_search_seconds_count": 3,
        "lorekeeper_searches_by_words_alone_total": 1,
        "lorekeeper_engine_tokens_total engine=house kind=completion": 20,
        "lorekeeper_engine_failures_total code=engine_timeout engine=house": 1,
        "lorekeeper_uploads_total outcome=added": 1,
        "lorekeeper_uploads_total outcome=replaced": 1,
        "lorekeeper_uploads_total outcome=rejected": 1,
        "lorekeeper_uploads_total outcome=failed": 1,
        "lorekeeper_deliveries_total call=edit outcome=limited platform=discord": 1,
        "lorekeeper_engine_busy engine=house": 2,
        "lorekeeper_surface_connected surface=telegram": 0,
        "lorekeeper_troubles trouble=disk": 1,
        "lorekeeper_passages": 40,
    }
    assert {name: told.get(name) for name in expected} == expected


async def test_lines_of_the_log_are_counted_from_warning_on(tmp_path):
    figures, log = Figures(), logging.Logger("q")
    log.addHandler(figures.counting())
    for level in (logging.INFO, logging.WARNING, logging.ERROR, logging.ERROR):
        log.log(level, "x")
    told = await exposed(figures, tmp_path)
    assert told["lorekeeper_log_records_total level=error"] == 2
    assert "lorekeeper_log_records_total level=info" not in told


@pytest.mark.parametrize("page", PAGES)
def test_the_page_has_every_metric_with_its_labels_and_no_other(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(lorekeeper_\w+)` \|([^|]*)\|", text, re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert told == named(Figures())


@pytest.mark.parametrize("page", PAGES)
def test_the_page_has_every_trouble(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert {t.value for t in Trouble} <= set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def test_the_dashboard_asks_for_metrics_that_there_are_and_shows_all():
    known = named(Figures())
    board = json.loads((ROOT / "deploy" / "grafana.json").read_text(encoding="utf-8"))
    asked = set()
    for panel in board["panels"]:
        for target in panel["targets"]:
            for name in re.findall(r"lorekeeper_\w+", target["expr"]):
                asked.add(_SUFFIX.sub("", name))
            # Who groups by a label, or writes it into a legend, must find it there.
            labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            for name in re.findall(r"lorekeeper_\w+", target["expr"]):
                assert labels <= known[_SUFFIX.sub("", name)], (panel["title"], labels)
    assert asked == set(known)
