"""Events become replies: turns, rows, edits, deletions, stops, the end."""

from __future__ import annotations

import asyncio
import math
import random
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core import answering, delivery, posting
from core.clocks import SteadyClock
from core.database import Database
from core.dispatcher import Dispatcher
from core.errors import ConversationMovedError, DeliveryError, ForbiddenError
from core.events import (
    ActionPressed,
    Attachment,
    ChannelMigrated,
    ChannelRef,
    MessageDeleted,
    MessageEdited,
    Platform,
    Trigger,
)
from core.history import History
from core.hooks import Hooks
from core.inbox import DurableInbox, InboxState
from core.ports import Capabilities, Unknown
from core.replies import Finished, TextDelta
from core.settings import DispatcherSettings
from tests.support.messages import author, conversation, group, private
from tests.support.recording_outbox import RecordingOutbox

KNOWS_KEYS = Capabilities(
    max_text=2000, edit_interval_private=0, edit_interval_group=0, can_deduplicate=True
)


class Script:
    """Replies with an echo; holds a question back until it is released, notes how each ended."""

    def __init__(self):
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.cancelled: list[str] = []
        self.held: dict[str, asyncio.Event] = {}
        self.open = 0

    def hold(self, text: str) -> asyncio.Event:
        return self.held.setdefault(text, asyncio.Event())

    async def reply(self, message, stop):
        self.begun.append(message.text)
        self.open += 1
        try:
            yield TextDelta("You said ")
            if message.text == "/stop":
                stop(message.conversation, message.author.user_id)
            if message.text in self.held:
                await self.held[message.text].wait()
            if message.text == "break":
                raise RuntimeError("a fault of ours")
            yield TextDelta(f"{message.text}.")
            yield Finished("stop")
            self.ended.append(message.text)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.append(message.text)
            raise
        finally:
            self.open -= 1


class World:
    """A dispatcher with all that it needs."""

    def __init__(self, database, outbox, script, **facts):
        self.database, self.outbox, self.script = database, outbox, script
        self.inbox = DurableInbox(database)
        settings = DispatcherSettings(**{"grace_seconds": 5, **facts.pop("settings", {})})
        self.dispatcher = Dispatcher(
            script.reply, {Platform.DISCORD: outbox}, database, settings, **facts
        )

    async def idle(self):
        """Until everything that was submitted has come to its end."""
        while tasks := self.dispatcher._runs.tasks:
            await asyncio.wait(tasks)

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - what is watched knows no events
                await asyncio.sleep(0.001)

    async def state(self, message):
        entry = await self.inbox.find(message.conversation, message.message_id)
        return None if entry is None else entry.state


@asynccontextmanager
async def world(tmp_path, *, script=None, outbox=None, **facts):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        made = World(database, outbox or RecordingOutbox(KNOWS_KEYS), script or Script(), **facts)
        try:
            yield made
        finally:
            await made.dispatcher.drain(0)
            assert not made.dispatcher._runs.tasks
            assert len(made.dispatcher._replying.turns) == len(made.dispatcher._amending.lines) == 0
            assert made.script.open == 0


async def test_a_message_is_answered_where_it_was_asked_and_its_row_is_done(tmp_path):
    async with world(tmp_path) as w:
        w.dispatcher.submit(group("hello", "q1"))
        await w.idle()
        assert w.outbox.transcript == "bot> You said hello.\n"
        assert w.outbox.messages["m1"].answers == "q1"
        assert await w.state(group("", "q1")) is InboxState.DONE


async def test_the_same_message_twice_is_answered_once(tmp_path):
    async with world(tmp_path) as w:
        w.dispatcher.submit(group("hello", "q1"))
        w.dispatcher.submit(group("hello", "q1"))
        await w.idle()
        w.dispatcher.submit(group("hello", "q1"))
        await w.idle()
        assert w.script.begun == ["hello"]


async def test_what_is_not_addressed_to_us_leaves_no_trace(tmp_path):
    async with world(tmp_path) as w:
        message = replace(group("chatter", "q1"), trigger=Trigger.AMBIENT)
        w.dispatcher.submit(message)
        await w.idle()
        assert (w.script.begun, await w.state(message)) == ([], None)


async def test_one_members_questions_are_answered_in_order_and_others_do_not_wait(tmp_path):
    async with world(tmp_path) as w:
        release = w.script.hold("slow")
        w.dispatcher.submit(group("slow", "1"))
        w.dispatcher.submit(group("next", "2"))
        w.dispatcher.submit(group("other", "3", user="bob"))
        await w.until(lambda: "other" in w.script.ended)
        assert w.script.begun == ["slow", "other"]
        release.set()
        await w.idle()
        assert w.script.ended == ["other", "slow", "next"]


async def test_in_a_private_chat_there_is_one_line(tmp_path):
    async with world(tmp_path) as w:
        release = w.script.hold("slow")
        w.dispatcher.submit(private("slow", "1"))
        w.dispatcher.submit(private("next", "2"))
        w.dispatcher.submit(private("elsewhere", "1", user="bob"))
        await w.until(lambda: w.script.ended == ["elsewhere"])
        release.set()
        await w.idle()
        assert w.script.ended == ["elsewhere", "slow", "next"]


async def test_stop_skips_the_line_and_ends_what_its_author_waits_for(tmp_path):
    hooks = Hooks(is_immediate=lambda message: message.text == "/stop")
    async with world(tmp_path, hooks=hooks) as w:
        w.script.hold("slow")
        w.script.hold("theirs")
        slow, queued = group("slow", "1"), group("queued", "2")
        for message in (slow, queued, group("theirs", "3", user="bob")):
            w.dispatcher.submit(message)
        await w.until(lambda: len(w.outbox.messages) == 2)
        w.dispatcher.submit(group("/stop", "4"))
        await w.until(lambda: len(w.dispatcher._runs.tasks) == 1)

        assert w.script.cancelled == ["slow"]
        assert "queued" not in w.script.begun
        assert w.outbox.messages["m1"].text == "You said\n\n[stopped]"
        assert "[stopped]" not in w.outbox.messages["m2"].text
        assert await w.state(slow) is InboxState.DONE
        assert await w.state(queued) is InboxState.DONE


async def test_the_stop_button_serves_the_asker_and_moderators_alone(tmp_path):
    async with world(tmp_path) as w:
        w.script.hold("slow")
        w.dispatcher.submit(group("slow", "1"))
        await w.until(lambda: len(w.outbox.messages) == 1)
        await asyncio.sleep(0)
        press = ActionPressed(conversation(), "m1", "stop", author("bob"))
        w.dispatcher.submit(press)
        chores = list(w.dispatcher._runs._chores)
        await asyncio.wait(chores)
        assert w.script.cancelled == []
        w.dispatcher.submit(replace(press, author=author("ada")))
        await w.idle()
        assert w.script.cancelled == ["slow"]


async def test_other_buttons_are_handed_on(tmp_path):
    pressed = []

    async def action(event, answers):
        pressed.append(event.action)

    async with world(tmp_path, hooks=Hooks(action=action)) as w:
        w.dispatcher.submit(ActionPressed(conversation(), "m1", "sources", author("bob")))
        await w.idle()
        assert pressed == ["sources"]


async def test_an_edited_question_is_answered_anew_in_place(tmp_path):
    async with world(tmp_path) as w:
        w.dispatcher.submit(group("wrong", "1"))
        await w.idle()
        w.dispatcher.submit(MessageEdited(group("right", "1")))
        await w.idle()
        assert w.outbox.transcript == "bot> You said right.\n"


async def test_an_edit_cancels_the_answer_under_way_and_leaves_no_mark_of_it(tmp_path):
    async with world(tmp_path) as w:
        w.script.hold("wrong")
        w.dispatcher.submit(group("wrong", "1"))
        await w.until(lambda: len(w.outbox.messages) == 1)
        for text in ("better", "best"):
            w.dispatcher.submit(MessageEdited(group(text, "1")))
        await w.idle()
        assert w.script.cancelled[0] == "wrong"
        assert w.outbox.transcript == "bot> You said best.\n"


async def test_an_edit_that_changes_nothing_or_comes_too_late_or_from_nowhere_is_ignored(tmp_path):
    now = [1_000_000.0]
    async with world(tmp_path, clock=lambda: now[0]) as w:
        asked = replace(group("hello", "1"), sent_at=datetime.fromtimestamp(now[0], UTC))
        w.dispatcher.submit(asked)
        await w.idle()
        w.dispatcher.submit(MessageEdited(asked))
        w.dispatcher.submit(MessageEdited(replace(asked, message_id="unknown")))
        await w.idle()
        now[0] += 16 * 60
        w.dispatcher.submit(MessageEdited(replace(asked, text="late")))
        await w.idle()
        assert w.script.begun == ["hello"]


@pytest.mark.parametrize(
    ("away_minutes", "text"), [(45, "You said better."), (61, "You said hello.")]
)
async def test_an_edit_that_was_missed_counts_from_when_it_was_made(tmp_path, away_minutes, text):
    """While we were away its platform kept it; it is too old when a question would be."""
    now = [1_000_000.0]
    async with world(tmp_path, clock=lambda: now[0]) as w:
        asked = replace(group("hello", "1"), sent_at=datetime.fromtimestamp(now[0], UTC))
        w.dispatcher.submit(asked)
        await w.idle()
        edited = replace(asked, text="better", edited_at=asked.sent_at + timedelta(minutes=1))
        now[0] += (away_minutes + 1) * 60
        w.dispatcher.submit(MessageEdited(edited))
        await w.idle()
        assert w.outbox.transcript == f"bot> {text}\n"


@pytest.mark.parametrize("while_answering", [True, False])
async def test_a_deleted_question_takes_its_answer_and_its_turns_along(tmp_path, while_answering):
    async with world(tmp_path) as w:
        question = group("hello", "1")
        if while_answering:
            w.script.hold("hello")
        await History(w.database).append_question(question)
        w.dispatcher.submit(question)
        await w.until(lambda: len(w.outbox.messages) == 1)
        if not while_answering:
            await w.idle()
        w.dispatcher.submit(MessageDeleted(question.conversation, "1"))
        await w.idle()
        assert w.outbox.transcript == ""
        assert await w.state(question) is InboxState.DONE
        await History(w.database).append_answer(question, "late")
        assert await History(w.database).answer(question.conversation, "1") is None


async def test_after_a_deletion_a_private_chat_has_the_budget_of_one(tmp_path):
    """Also where it is the first that is done there since the start."""
    slow = replace(KNOWS_KEYS, edit_interval_group=600, edit_window_group=600)
    outbox = RecordingOutbox(slow)
    async with world(tmp_path, outbox=outbox) as w:
        question = private("hello", "1")
        w.dispatcher.submit(question)
        await w.idle()
        await History(w.database).append_question(question)
        await w.inbox.receive_again(
            (await w.inbox.find(question.conversation, "1")).inbox_id, question
        )
    async with world(tmp_path, outbox=outbox) as w:
        w.dispatcher.withdraw(question.conversation, "1")
        await w.idle()
        assert outbox.transcript == ""
        async with asyncio.timeout(20):
            for number in ("2", "3", "4"):
                w.dispatcher.submit(private("hello", number))
                await w.idle()


async def test_a_deleted_question_is_forgotten_also_where_its_answer_cannot_be_taken_back(tmp_path):
    async with world(tmp_path) as w:
        question = group("hello", "1")
        w.script.hold("hello")
        await History(w.database).append_question(question)
        w.dispatcher.submit(question)
        await w.until(lambda: len(w.outbox.messages) == 1)
        w.outbox.refuse("delete", DeliveryError(question.conversation))
        w.dispatcher.submit(MessageDeleted(question.conversation, "1"))
        await w.idle()
        assert len(w.outbox.messages) == 1
        assert await w.state(question) is InboxState.DONE
        await History(w.database).append_answer(question, "late")
        assert await History(w.database).answer(question.conversation, "1") is None


class Moving(RecordingOutbox):
    """A platform on which the channel gets another id in the middle of an answer."""

    has_moved = False

    async def edit(self, to, message_id, text, *, menus=()):
        if self.has_moved and to.channel.channel_id == "town":
            raise ConversationMovedError(to, conversation("city"))
        await super().edit(to, message_id, text, menus=menus)


class Slow(Script):
    """Says a beginning, more of it when it may, and no end."""

    async def reply(self, message, stop):
        try:
            yield TextDelta("You ")
            await self.hold("more").wait()
            yield TextDelta("said ")
            await asyncio.Event().wait()
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.append(message.text)
            raise


async def test_an_answer_that_is_said_anew_where_its_channel_moved_to_can_be_stopped(tmp_path):
    script, outbox = Slow(), Moving(replace(KNOWS_KEYS, can_deduplicate=False))
    async with world(tmp_path, script=script, outbox=outbox) as w:
        w.dispatcher.submit(group("hello", "1"))
        await w.until(lambda: "m1" in outbox.messages)
        outbox.has_moved = True
        script.hold("more").set()
        await w.until(lambda: "m2" in outbox.messages)
        assert outbox.messages["m2"].channel == "city"
        asker = group("hello", "1").author
        w.dispatcher.submit(ActionPressed(conversation("city"), "m2", "stop", asker))
        await w.idle()
        assert script.cancelled == ["hello"]
        assert outbox.messages["m2"].text.endswith("[stopped]")


async def test_a_migrated_channel_keeps_its_history_and_others_are_told(tmp_path):
    moved = []

    async def migrated(old, new):
        moved.append((old.channel_id, new.channel_id))

    async with world(tmp_path, hooks=Hooks(migrated=migrated)) as w:
        w.dispatcher.submit(group("hello", "1"))
        await w.idle()
        await History(w.database).append_question(group("hello", "1"))
        await History(w.database).append_answer(group("hello", "1"), "hi")
        old, new = ChannelRef(Platform.DISCORD, "town"), ChannelRef(Platform.DISCORD, "city")
        w.dispatcher.submit(ChannelMigrated(old, new))
        await w.idle()
        there = replace(group("again", "1"), conversation=conversation("city"))
        w.dispatcher.submit(there)  # the new channel counts its messages from 1 again
        await w.idle()
        assert moved == [("town", "city")]
        assert w.script.begun == ["hello", "again"]
        assert [t.text for t in await History(w.database).context(there, 9)] == ["hello", "hi"]


async def test_a_fault_of_ours_is_told_with_the_reference_that_stands_in_the_log(tmp_path, caplog):
    async with world(tmp_path) as w:
        question = group("break", "1")
        w.dispatcher.submit(question)
        await w.idle()
        (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
        assert w.outbox.transcript == (
            f"bot> You said\n\nSomething went wrong on my side (reference {record.reference}).\n"
        )
        assert await w.state(question) is InboxState.DONE


async def test_a_platform_that_refuses_ends_the_reply_and_the_engine_is_let_go(tmp_path):
    async with world(tmp_path) as w:
        question = group("hello", "1")
        w.script.hold("hello")
        w.outbox.refuse("send", ForbiddenError(question.conversation))
        w.dispatcher.submit(question)
        await w.idle()
        assert w.script.open == 0
        assert w.script.cancelled == ["hello"]
        assert await w.state(question) is InboxState.DONE


async def test_a_reply_that_takes_too_long_ends_with_a_sentence(tmp_path):
    async with world(tmp_path, settings={"reply_seconds": 0.05}) as w:
        w.script.hold("slow")
        w.dispatcher.submit(group("slow", "1"))
        await w.idle()
        assert w.outbox.transcript.startswith("bot> You said\n\nThis took too long")


async def test_what_somebody_said_before_they_were_forgotten_is_not_even_looked_at(tmp_path):
    seen = []

    async def admits(asked):
        seen.append(asked.message_id)
        return True

    async with world(tmp_path, hooks=Hooks(admits=admits)) as w:
        now = datetime.now(UTC)
        async with w.database.transaction() as connection:
            await connection.execute(
                "INSERT INTO forgotten VALUES ('discord', 'ada', 0, 1, 1, 1, ?)",
                (now.timestamp(),),
            )
        hour = timedelta(hours=2)
        for key, user, at in (
            ("too old", "ada", now - hour), ("before", "ada", now), ("other", "bob", now),
            ("after", "ada", now + timedelta(milliseconds=1)),
        ):  # fmt: skip
            w.dispatcher.submit(group(key, key, user=user, at=at))
        await w.idle()
        assert (sorted(seen), sorted(w.script.begun)) == (["after", "other"],) * 2
        assert await w.state(group("before", "before")) is None
        assert await w.state(group("too old", "too old")) is None


async def test_messages_that_are_too_old_are_noted_and_not_answered(tmp_path):
    async with world(tmp_path) as w:
        old = group("yesterday", "1", at=datetime.now(UTC) - timedelta(hours=2))
        w.dispatcher.submit(old)
        await w.idle()
        assert (w.script.begun, await w.state(old)) == ([], InboxState.SKIPPED)


async def test_a_drain_waits_for_what_is_nearly_done(tmp_path):
    async with world(tmp_path) as w:
        release = w.script.hold("slow")
        w.dispatcher.submit(group("slow", "1"))
        await w.until(lambda: len(w.outbox.messages) == 1)
        draining = asyncio.create_task(w.dispatcher.drain(20))
        await asyncio.sleep(0)
        release.set()
        await draining
        assert w.outbox.transcript == "bot> You said slow.\n"


async def test_a_late_reply_is_marked_stopped_and_what_has_not_begun_stays_owed(tmp_path):
    outbox = RecordingOutbox(KNOWS_KEYS)
    late, queued, unseen = (
        group("late", "1"),
        group("queued", "2"),
        group("unseen", "3", user="bob"),
    )
    async with world(tmp_path, outbox=outbox) as w:
        w.script.hold("late")
        w.dispatcher.submit(late)
        w.dispatcher.submit(queued)
        await w.until(lambda: len(outbox.messages) == 1)
        w.dispatcher.submit(unseen)  # a moment before the end
        await w.dispatcher.drain(0.05)
        assert outbox.transcript == "bot> You said\n\n[stopped]\n"
        assert await w.state(late) is InboxState.DONE
        assert await w.state(queued) is InboxState.RECEIVED
        assert await w.state(unseen) is InboxState.RECEIVED
        w.dispatcher.submit(group("after the end", "4"))
    async with world(tmp_path, outbox=outbox) as w:
        assert await w.dispatcher.resume() == 2
        await w.idle()
        assert outbox.transcript == (
            "bot> You said\n\n[stopped]\nbot> You said queued.\nbot> You said unseen.\n"
        )


async def test_what_was_handed_in_gets_its_row_although_the_end_comes_while_it_is_admitted(
    tmp_path,
):
    asked, answer = asyncio.Event(), asyncio.Event()

    async def admits(_asked):
        asked.set()
        await answer.wait()
        return True

    first, second = private("slow", "1"), private("a moment before the end", "2")
    async with world(tmp_path, hooks=Hooks(admits=admits)) as w:
        w.dispatcher.submit(first)
        w.dispatcher.submit(second)
        await asked.wait()
        draining = asyncio.create_task(w.dispatcher.drain(0))
        await asyncio.sleep(0.01)
        answer.set()
        await draining
        assert await w.state(first) is await w.state(second) is InboxState.RECEIVED


async def test_a_platform_that_comes_back_is_given_the_answers_under_way_once(tmp_path):
    """Its new outbox, that is: the old one's connection is gone."""
    lost, back = RecordingOutbox(KNOWS_KEYS), RecordingOutbox(KNOWS_KEYS)
    async with world(tmp_path, outbox=lost) as w:
        release = w.script.hold("slow")
        w.dispatcher.submit(group("slow", "1"))
        await w.until(lambda: len(lost.messages) == 1)
        back.messages.update(lost.messages)
        w.dispatcher._outboxes[Platform.DISCORD] = back
        assert await w.dispatcher.resume(Platform.DISCORD) == 1
        release.set()
        await w.idle()
        assert (w.script.begun, w.script.ended) == (["slow", "slow"], ["slow"])
        assert back.transcript == "bot> You said slow.\n"
        assert await w.state(group("slow", "1")) is InboxState.DONE


async def leave_behind(tmp_path, message, sent=("m1",)):
    """A row as a killed process leaves it."""
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        inbox = DurableInbox(database)
        inbox_id = await inbox.receive(message)
        await inbox.begin(inbox_id)
        async with database.transaction() as connection:
            for part, message_id in enumerate(sent):
                await connection.execute(
                    "INSERT INTO inbox_replies VALUES (?, ?, 'text', 'discord', 'town', ?)",
                    (inbox_id, part, message_id),
                )


async def test_an_answer_that_was_cut_off_is_made_again_into_its_own_message(tmp_path):
    outbox = RecordingOutbox(KNOWS_KEYS)
    question = group("hello", "1")
    await outbox.send(question.conversation, "You sa ▌")
    await leave_behind(tmp_path, question)
    async with world(tmp_path, outbox=outbox) as w:
        assert await w.dispatcher.resume() == 1
        await w.idle()
        assert outbox.transcript == "bot> You said hello.\n"
        assert await w.dispatcher.resume() == 0


async def test_a_cut_off_answer_that_is_too_old_is_said_to_be_lost(tmp_path):
    outbox = RecordingOutbox(KNOWS_KEYS)
    old = datetime.now(UTC) - timedelta(hours=2)
    await outbox.send(conversation(), "You sa ▌")
    await leave_behind(tmp_path, group("seen", "1", at=old))
    await leave_behind(tmp_path, group("unseen", "2", at=old), sent=())
    async with world(tmp_path, outbox=outbox) as w:
        assert await w.dispatcher.resume() == 0
        await w.idle()
        assert outbox.transcript == (
            "bot> I was restarted while working on this. Please send it again.\n"
        )
        assert await w.state(group("", "2")) is InboxState.SKIPPED


async def save(path, limit):
    raise NotImplementedError


async def test_files_of_an_earlier_run_are_fetched_again_or_said_to_be_lost(tmp_path):
    file = Attachment("a1", "plan.pdf", "application/pdf", 9, save)

    async def refetch(message):
        return replace(message, attachments=(file,)) if message.text == "found" else Unknown()

    for number, text in enumerate(("found", "gone")):
        question = replace(group(text, str(number), user=text), attachments=(file,))
        await leave_behind(tmp_path, question, sent=())
    async with world(tmp_path, hooks=Hooks(refetch=refetch)) as w:
        assert await w.dispatcher.resume() == 1
        await w.idle()
        assert set(w.outbox.transcript.splitlines()) == {
            "bot> You said found.",
            "bot> I was restarted while working on this. Please send it again.",
        }


async def collect(dispatcher, message):
    async with aclosing(dispatcher.stream(message)) as events:
        return [event async for event in events]


async def test_a_stream_gives_the_events_and_keeps_no_row(tmp_path):
    async with world(tmp_path) as w:
        question = private("hello", "1")
        assert await collect(w.dispatcher, question) == [
            TextDelta("You said "),
            TextDelta("hello."),
            Finished("stop"),
        ]
        assert await w.state(question) is None


async def test_streams_of_one_conversation_wait_for_each_other(tmp_path):
    async with world(tmp_path) as w:
        release = w.script.hold("slow")
        first = asyncio.create_task(collect(w.dispatcher, private("slow", "1")))
        await w.until(lambda: w.script.begun == ["slow"])
        second = asyncio.create_task(collect(w.dispatcher, private("next", "2")))
        for _ in range(20):
            await asyncio.sleep(0)
        assert w.script.begun == ["slow"]
        release.set()
        await asyncio.gather(first, second)
        assert w.script.ended == ["slow", "next"]


async def test_leaving_a_stream_early_cancels_the_reply(tmp_path):
    async with world(tmp_path) as w:
        w.script.hold("slow")
        async with aclosing(w.dispatcher.stream(private("slow", "1"))) as events:
            assert await anext(events) == TextDelta("You said ")
        assert w.script.cancelled == ["slow"]
        assert not w.dispatcher._runs.tasks


async def test_a_stopped_stream_ends_as_cancelled_also_one_that_waits(tmp_path):
    async with world(tmp_path) as w:
        w.script.hold("slow")
        question = private("slow", "1")
        both = [
            asyncio.create_task(collect(w.dispatcher, question)),
            asyncio.create_task(collect(w.dispatcher, private("next", "2"))),
        ]
        await w.until(lambda: len(w.dispatcher._runs.tasks) == 2)
        await w.until(lambda: w.script.begun == ["slow"])
        assert w.dispatcher.cancel(question.conversation, "bob") == 0
        assert w.dispatcher.cancel(question.conversation) == 2
        assert [events[-1] for events in await asyncio.gather(*both)] == [Finished("cancelled")] * 2


async def test_a_fault_in_a_stream_is_its_last_event(tmp_path):
    async with world(tmp_path) as w:
        *_rest, last = await collect(w.dispatcher, private("break", "1"))
        assert last.text == f"Something went wrong on my side (reference {last.reference})."


async def test_a_drain_ends_streams_and_later_ones_are_refused(tmp_path):
    async with world(tmp_path) as w:
        w.script.hold("slow")
        streaming = asyncio.create_task(collect(w.dispatcher, private("slow", "1")))
        await w.until(lambda: w.script.begun == ["slow"])
        await w.dispatcher.drain(0)
        assert (await streaming)[-1] == Finished("cancelled")
        assert await collect(w.dispatcher, private("late", "2")) == [Finished("cancelled")]


class Restless(Script):
    """Takes its time, and breaks now and then."""

    def __init__(self, chance):
        super().__init__()
        self.chance = chance

    async def reply(self, message, stop):
        async with aclosing(super().reply(message, stop)) as events:
            async for event in events:
                for _ in range(self.chance.randrange(4)):
                    await asyncio.sleep(0)
                if self.chance.random() < 0.05:
                    raise OSError("the engine broke")
                yield event


class Crowd:
    """Members who ask, edit, delete, stop and leave at random."""

    def __init__(self, dispatcher, chance):
        self.dispatcher, self.chance = dispatcher, chance
        self.pulls = []

    def likely(self, share):
        return self.chance.random() < share

    async def pull(self, number):
        message = private(f"p{number}", str(number), user=f"u{number % 7}")
        async with aclosing(self.dispatcher.stream(message)) as events:
            async for _ in events:
                if self.likely(0.2):
                    return

    def watch(self, number):
        task = asyncio.create_task(self.pull(number))
        self.pulls.append(task)
        if self.likely(0.1):
            asyncio.get_running_loop().call_later(self.chance.random() / 50, task.cancel)

    def ask(self, number):
        message = group(f"g{number}", str(number), user=f"u{number % 5}")
        self.dispatcher.submit(message)
        if self.likely(0.1):
            self.dispatcher.submit(MessageEdited(replace(message, text="edited")))
        if self.likely(0.1):
            self.dispatcher.submit(MessageDeleted(message.conversation, str(number)))
        if self.likely(0.1):
            self.dispatcher.cancel(conversation(), f"u{self.chance.randrange(5)}")


@pytest.fixture
def patience_without_end(monkeypatch):
    """A machine however slow comes to the end of every last write; what never ends hangs."""
    for module, name in (
        (answering, "NOTING_SECONDS"),
        (answering, "LAST_SECONDS"),
        (posting, "PATIENCE_SECONDS"),
        (delivery, "PATIENCE_SECONDS"),
    ):
        monkeypatch.setattr(module, name, math.inf)


@pytest.mark.usefixtures("patience_without_end")
async def test_after_two_thousand_questions_stopped_edited_and_left_at_random_nothing_is_left(
    tmp_path,
):
    chance = random.Random(11)
    async with world(tmp_path, script=Restless(chance)) as w:
        crowd = Crowd(w.dispatcher, chance)
        for number in range(2000):
            (crowd.watch if number % 2 else crowd.ask)(number)
            if number % 20 == 0:
                await asyncio.sleep(0.001)
        await asyncio.gather(*crowd.pulls, return_exceptions=True)
        await w.idle()

        assert w.script.open == 0
        async with w.database.reader() as connection:
            owed = await connection.execute_fetchall(
                "SELECT message_id FROM inbox WHERE state IN ('received', 'answering')"
            )
        # Nobody waits for ever: each question has come to an end, and is known to have.
        assert list(owed) == []
        assert not any("▌" in shown.text for shown in w.outbox.messages.values())


# What is on disk


async def test_what_was_handed_in_is_on_disk_once_it_is_noted(tmp_path):
    async with world(tmp_path) as w:
        w.script.hold("hello")
        async with w.database.transaction():
            w.dispatcher.submit(group("hello", "1"))
            noted = asyncio.ensure_future(w.dispatcher.noted())
            for _ in range(50):
                await asyncio.sleep(0)
            assert not noted.done()
        await noted
        async with w.database.reader() as connection:
            rows = await connection.execute_fetchall("SELECT message_id FROM inbox")
        assert [row[0] for row in rows] == ["1"]
        # Nobody waits for the answer itself.
        await w.until(lambda: w.script.begun == ["hello"])


async def test_a_question_that_is_cancelled_before_its_first_step_keeps_nobody_waiting(tmp_path):
    async with world(tmp_path) as w:
        w.dispatcher.submit(group("hello", "1"))
        w.dispatcher.cancel(group("", "1").conversation)
        await w.dispatcher.noted()


async def test_a_clock_that_was_ahead_at_the_start_and_is_put_right_leaves_nobody_unanswered(
    tmp_path,
):
    """A machine whose hardware clock runs by local time, until it hears the right one."""
    wall, passed = [1_000_000.0 + 8 * 3600], [0.0]
    clock = SteadyClock(lambda: wall[0], lambda: passed[0])
    async with world(tmp_path, clock=clock) as w:
        wall[0], passed[0] = 1_000_060.0, 60.0
        asked = datetime.fromtimestamp(1_000_055, UTC)
        w.dispatcher.submit(replace(group("hello", "1"), sent_at=asked))
        await w.idle()
        assert w.script.begun == ["hello"]


async def test_a_clock_that_jumps_by_hours_makes_no_new_question_an_old_one(tmp_path):
    wall, passed = [1_000_000.0], [0.0]
    clock = SteadyClock(lambda: wall[0], lambda: passed[0])
    async with world(tmp_path, clock=clock) as w:
        for number, jump in enumerate((0, 3 * 3600, -6 * 3600)):
            wall[0] += jump
            passed[0] += 60
            asked = datetime.fromtimestamp(1_000_000 + passed[0], UTC)
            w.dispatcher.submit(replace(group(f"hello {number}", str(number)), sent_at=asked))
            await w.idle()
        assert w.script.begun == ["hello 0", "hello 1", "hello 2"]
        passed[0] += 2 * 3600
        wall[0] = 1_000_000 + passed[0]  # put right again
        w.dispatcher.submit(replace(group("old", "9"), sent_at=asked))
        await w.idle()
        assert len(w.script.begun) == 3
