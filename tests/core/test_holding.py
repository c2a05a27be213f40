"""Parts of a message that is not whole yet: on disk as soon as the platform is told so."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.database import Database
from core.dispatcher import Dispatcher
from core.events import Attachment, Invocation, Platform, Trigger
from core.hooks import Hooks
from core.ports import Part
from core.replies import Finished, TextDelta
from core.settings import DispatcherSettings
from tests.support.messages import conversation, group, private
from tests.support.recording_outbox import RecordingOutbox


async def no_file(_path: Path, _limit: int) -> None:
    raise AssertionError("nobody reads it")


def part(message, name="", whole="album"):
    files = (Attachment(f"id {name}", name, "text/plain", 1, no_file),) if name else ()
    return Part(replace(message, attachments=files), whole)


def unasked(message):
    return replace(message, trigger=Trigger.AMBIENT)


@asynccontextmanager
async def dispatching(folder, **hooks):
    """A dispatcher that answers with what it was asked; killed at the end: nothing is drained."""
    begun = []

    async def reply(message, _stop):
        begun.append(message)
        yield TextDelta("Yes.")
        yield Finished("stop")

    async with Database.open(folder / "lorekeeper.db") as database:
        outbox = RecordingOutbox()
        made = Dispatcher(
            reply, {Platform.DISCORD: outbox}, database, DispatcherSettings(), hooks=Hooks(**hooks)
        )
        made.begun, made.database = begun, database
        try:
            yield made
        finally:
            for task in made._runs.tasks:
                task.cancel()
            await asyncio.gather(*made._runs.tasks, return_exceptions=True)
            made._resuming.close()


async def idle(dispatcher):
    while tasks := dispatcher._runs.tasks:
        await asyncio.wait(tasks)


async def rows(dispatcher):
    async with dispatcher.database.reader() as connection:
        found = await connection.execute_fetchall("SELECT message_id FROM held_parts ORDER BY 1")
    return [key for (key,) in found]


async def test_what_was_held_is_there_after_a_kill_until_it_is_released(tmp_path):
    async with dispatching(tmp_path) as killed:
        killed.hold(part(private("what is in them?", "1"), "a.txt"))
        killed.hold(part(private("", "2"), "b.txt"))
        await killed.noted()
        assert await rows(killed) == ["1", "2"]
    async with dispatching(tmp_path) as later:
        assert await later.held(Platform.TELEGRAM) == ()
        first, second = await later.held(Platform.DISCORD)
        assert (first.whole, second.whole) == ("album", "album")
        assert (first.message.text, first.message.conversation) == (
            "what is in them?",
            conversation("dm-ada"),
        )
        files = [file for each in (first, second) for file in each.message.attachments]
        assert [(file.attachment_id, file.filename) for file in files] == [
            ("id a.txt", "a.txt"),
            ("id b.txt", "b.txt"),
        ]
        later.submit(first.message)
        later.release(first.message, "album")
        # What is on its way to its row is not put together once more.
        assert await later.held(Platform.DISCORD) == ()
        await idle(later)
        assert await rows(later) == []
        assert [message.text for message in later.begun] == ["what is in them?"]


async def test_a_part_that_was_edited_is_held_as_it_is_now(tmp_path):
    async with dispatching(tmp_path) as dispatcher:
        dispatcher.hold(part(private("wha", "1")))
        dispatcher.hold(part(private("what?", "1")))
        await dispatcher.noted()
        (held,) = await dispatcher.held(Platform.DISCORD)
        assert held.message.text == "what?"


async def test_a_whole_that_was_answered_before_the_kill_is_not_answered_twice(tmp_path):
    asked = private("what?", "1")
    async with dispatching(tmp_path) as killed:
        killed.hold(part(asked))
        killed.submit(asked)
        await idle(killed)
        assert (len(killed.begun), await rows(killed)) == (1, ["1"])
    async with dispatching(tmp_path) as later:
        (held,) = await later.held(Platform.DISCORD)
        later.submit(held.message)
        later.release(held.message, held.whole)
        await idle(later)
        assert (later.begun, await rows(later)) == ([], [])


async def test_nothing_is_held_of_what_is_not_for_us(tmp_path):
    async with dispatching(tmp_path) as dispatcher:
        message = unasked(group("", "1"))
        dispatcher.hold(part(message, "a.txt"))
        await dispatcher.noted()
        await idle(dispatcher)
        assert await rows(dispatcher) == []
        dispatcher.submit(message)
        dispatcher.release(message, "album")
        # Another one of that name has nothing to do with it.
        dispatcher.hold(part(group("read this", "2"), "b.txt"))
        await dispatcher.noted()
        assert await rows(dispatcher) == ["2"]


async def test_one_part_that_is_for_us_has_all_of_them_held(tmp_path):
    async with dispatching(tmp_path) as dispatcher:
        dispatcher.hold(part(unasked(group("", "1")), "a.txt"))
        dispatcher.hold(part(group("read these", "2"), "b.txt"))
        dispatcher.hold(part(unasked(group("", "3")), "c.txt"))
        dispatcher.hold(part(unasked(group("", "4")), "d.txt", whole="another"))
        await dispatcher.noted()
        assert await rows(dispatcher) == ["1", "2", "3"]


async def test_files_that_a_channel_learns_unasked_are_held(tmp_path):
    def ambient(message):
        return replace(message, trigger=Trigger.COMMAND, command=Invocation("kb add"))

    async with dispatching(tmp_path, ambient=ambient) as dispatcher:
        dispatcher.hold(part(unasked(group("", "1")), "a.txt"))
        await dispatcher.noted()
        (held,) = await dispatcher.held(Platform.DISCORD)
        # As it came: what is to be made of it is decided when it is whole.
        assert (held.message.trigger, held.message.command) == (Trigger.AMBIENT, None)


async def test_nothing_is_held_where_it_is_not_admitted_and_that_is_asked_once(tmp_path):
    asked = []

    async def admits(message):
        asked.append(message.message_id)
        return False

    async with dispatching(tmp_path, admits=admits) as dispatcher:
        for key in ("1", "2", "3"):
            dispatcher.hold(part(private("", key), f"{key}.txt"))
        await dispatcher.noted()
        assert (await rows(dispatcher), asked) == ([], ["1"])


async def test_what_is_too_old_to_be_answered_is_not_held(tmp_path):
    async with dispatching(tmp_path) as dispatcher:
        old = datetime.now(UTC) - timedelta(hours=3)
        dispatcher.hold(part(private("what?", "1", at=old)))
        await dispatcher.noted()
        await idle(dispatcher)
        assert await rows(dispatcher) == []


async def test_the_parts_stay_until_the_whole_has_its_row(tmp_path):
    entered, may = asyncio.Event(), asyncio.Event()

    async def admits(message):
        if message.text == "whole":
            entered.set()
            await may.wait()
        return True

    async with dispatching(tmp_path, admits=admits) as dispatcher:
        dispatcher.hold(part(private("part", "1")))
        await dispatcher.noted()
        whole = private("whole", "1")
        dispatcher.submit(whole)
        dispatcher.release(whole, "album")
        await entered.wait()
        assert await rows(dispatcher) == ["1"]
        may.set()
        await idle(dispatcher)
        assert await rows(dispatcher) == []


async def test_a_whole_that_our_end_keeps_from_its_row_is_put_together_at_the_next_start(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("core.answering.NOTING_SECONDS", 0.01)
    entered = asyncio.Event()

    async def admits(message):
        if message.text == "whole":
            entered.set()
            await asyncio.Event().wait()
        return True

    async with dispatching(tmp_path, admits=admits) as ended:
        ended.hold(part(private("part", "1")))
        await ended.noted()
        whole = private("whole", "1")
        ended.submit(whole)
        ended.release(whole, "album")
        await entered.wait()
        await ended.drain(0)
    async with dispatching(tmp_path) as later:
        (held,) = await later.held(Platform.DISCORD)
        assert held.message.text == "part"


async def test_another_process_that_serves_the_directory_takes_none_of_it(tmp_path, caplog):
    async with dispatching(tmp_path) as first:
        first.hold(part(private("what?", "1")))
        await first.noted()
        assert await first.resume(Platform.DISCORD) == 0
        async with dispatching(tmp_path) as second:
            assert await second.held(Platform.DISCORD) == ()
        assert len(await first.held(Platform.DISCORD)) == 1


@pytest.mark.parametrize("end", ["submit", "hold", "release"])
async def test_after_the_end_nothing_is_begun(tmp_path, end, caplog):
    async with dispatching(tmp_path) as dispatcher:
        await dispatcher.drain(0)
        message = private("what?", "1")
        {
            "submit": lambda: dispatcher.submit(message),
            "hold": lambda: dispatcher.hold(part(message)),
            "release": lambda: dispatcher.release(message, "album"),
        }[end]()
        assert not dispatcher._runs.tasks
