"""A disk that is full, a database that others write to: the asker is told, nothing is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from core.database import Database, _translating
from core.dispatcher import Dispatcher
from core.events import Platform
from core.explain import explain
from core.history import History
from core.inbox import DurableInbox
from core.language import words
from core.replies import Failed, Finished, TextDelta
from core.settings import DispatcherSettings
from knowledge_base.errors import StorageBusyError, StorageFullError
from tests.support.messages import group, private
from tests.support.recording_outbox import RecordingOutbox

LONG = "word " * 20_000


async def answer(message, _stop):
    yield TextDelta(f"You said {len(message.text)}.")
    yield Finished("stop")


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db", busy_seconds=0.05) as opened:
        yield opened


async def fill(database):
    """From now on the file takes no page more."""
    (pages,) = await database._writer.execute_fetchall("PRAGMA page_count")
    await database._writer.execute(f"PRAGMA max_page_count = {pages[0]}")


async def empty(database):
    await database._writer.execute("PRAGMA max_page_count = 1000000")


def dispatcher_of(database, outbox, reply=answer):
    settings = DispatcherSettings(grace_seconds=5)
    return Dispatcher(reply, {Platform.DISCORD: outbox}, database, settings)


async def idle(dispatcher):
    while dispatcher._runs.tasks:
        await dispatcher._runs.end(5)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (private(LONG, "1"), "The disk is full"),
        (group("问题" * 50_000, "1"), "磁盘已满"),
    ],
)
async def test_a_question_that_cannot_be_noted_is_told_so(database, asked, said):
    outbox = RecordingOutbox()
    dispatcher = dispatcher_of(database, outbox)
    await fill(database)
    dispatcher.submit(asked)
    await idle(dispatcher)
    (shown,) = outbox.messages.values()
    assert said in shown.text
    await empty(database)
    again = dispatcher_of(database, outbox)
    again.submit(asked)
    await idle(again)
    assert [one.text for one in outbox.messages.values()][1:] == [f"You said {len(asked.text)}."]


async def test_a_question_during_whose_answer_the_disk_fills_is_told_and_stays_owed(database):
    outbox = RecordingOutbox()
    history = History(database)

    async def reply(message, _stop):
        await history.append_question(message)
        yield TextDelta("It is this. ")
        await fill(database)
        await history.append_answer(message, LONG)
        yield Finished("stop")

    async def telling(message, stop):
        try:
            async for event in reply(message, stop):
                yield event
        except StorageFullError as error:
            yield Failed(explain(error, words("en")) or "")

    dispatcher = dispatcher_of(database, outbox, telling)
    dispatcher.submit(private("hello", "1"))
    await idle(dispatcher)
    (shown,) = outbox.messages.values()
    assert "It is this." in shown.text
    assert "The disk is full" in shown.text
    # Rows that are there already still take their state.
    assert await DurableInbox(database).owed([Platform.DISCORD]) == ()


async def test_a_question_that_comes_while_another_process_writes_for_too_long_is_told_so(
    database, tmp_path
):
    outbox = RecordingOutbox()
    dispatcher = dispatcher_of(database, outbox)
    with closing(sqlite3.connect(tmp_path / "lorekeeper.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        dispatcher.submit(private("hello", "1"))
        await idle(dispatcher)
        (shown,) = outbox.messages.values()
        assert shown.text.startswith("Another process is writing to the database for too long.")
        with pytest.raises(StorageBusyError):
            async with database.transaction():
                pass
        other.execute("ROLLBACK")
    again = dispatcher_of(database, outbox)
    again.submit(private("hello", "1"))
    await idle(again)
    assert [one.text for one in outbox.messages.values()][1:] == ["You said 5."]


async def test_what_a_failed_write_means_is_told_alike_for_every_kind_of_full(database):
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    with pytest.raises(StorageFullError), _translating(database.path):
        raise failed
