"""After a time in which nothing was heard: a start, or a session that could not be resumed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core import resuming
from core.database import Database
from core.dispatcher import Dispatcher
from core.errors import DeliveryRateLimitedError, ForbiddenError
from core.events import (
    InteractionRef,
    Interrupted,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    Platform,
    Trigger,
    origin_of,
)
from core.history import History
from core.hooks import Hooks
from core.inbox import DurableInbox, InboxState
from core.ports import Capabilities, Gone, Unknown
from core.replies import Finished, SentMessage, TextDelta
from core.settings import DispatcherSettings
from tests.support.messages import conversation, group, private
from tests.support.recording_outbox import RecordingOutbox

CAN = Capabilities(
    max_text=2000, edit_interval_private=0, edit_interval_group=0, can_deduplicate=True
)
PRIVATELY = InteractionRef(Platform.DISCORD, "token", is_private=True)
OPENLY = InteractionRef(Platform.DISCORD, "token")


class Platforms:
    """One platform as it stands: what it says of each message, and what it shows."""

    def __init__(self, folder, **settings):
        self.folder = folder
        self.outbox = RecordingOutbox(CAN)
        self.says = {}
        self.asked = []
        self.settings = DispatcherSettings(grace_seconds=0, **settings)
        self.answered = []
        self.holds = asyncio.Event()
        self.holds.set()
        self.admitted = True

    async def refetch(self, message):
        self.asked.append(message.message_id)
        return self.says.get(message.message_id, Unknown())

    async def reply(self, message, _stop):
        self.answered.append(message.text)
        # As the chat does, without which no words are kept.
        history = History(self.database)
        await history.append_question(message)
        yield TextDelta(f"You said {message.text}")
        await self.holds.wait()
        yield TextDelta(".")
        await history.append_answer(message, f"You said {message.text}.")
        yield Finished("stop")

    async def admits(self, _asked):
        if isinstance(self.admitted, Exception):
            raise self.admitted
        return self.admitted

    @asynccontextmanager
    async def running(self, **hooks):
        async with Database.open(self.folder / "lorekeeper.db") as self.database:
            self.inbox = DurableInbox(self.database)
            self.dispatcher = Dispatcher(
                self.reply,
                {Platform.DISCORD: self.outbox},
                self.database,
                self.settings,
                hooks=Hooks(refetch=self.refetch, admits=self.admits, **hooks),
            )
            try:
                yield self
            finally:
                await self.dispatcher.drain(0)

    async def idle(self):
        while tasks := self.dispatcher._runs.tasks:
            await asyncio.wait(tasks)

    async def state(self, message):
        entry = await self.inbox.find(message.conversation, message.message_id)
        return None if entry is None else entry.state

    async def left_half_answered(self, message, text="You sa ▌"):
        """A question as a killed process leaves it; the id of the message that answers it."""
        sent = await self.outbox.send(message.conversation, text)
        async with Database.open(self.folder / "lorekeeper.db") as database:
            inbox = DurableInbox(database)
            inbox_id = await inbox.receive(message)
            await inbox.begin(inbox_id)
            await inbox.sent(inbox_id, SentMessage("text", 0, sent))
        return sent


async def test_a_question_that_was_deleted_meanwhile_is_not_answered_and_its_reply_goes(tmp_path):
    world = Platforms(tmp_path)
    question = group("secret", "1")
    await world.left_half_answered(question)
    world.says["1"] = Gone()
    async with world.running():
        assert await world.dispatcher.resume() == 0
        await world.idle()
        assert (world.outbox.transcript, world.answered) == ("", [])
        assert await world.state(question) is InboxState.DONE
        assert await world.dispatcher.resume() == 0
        assert world.asked == ["1"]


async def test_a_question_that_was_edited_meanwhile_is_answered_in_its_new_words_in_place(tmp_path):
    world = Platforms(tmp_path)
    await world.left_half_answered(group("wrong", "1"))
    world.says["1"] = group("right", "1")
    async with world.running():
        assert await world.dispatcher.resume() == 1
        await world.idle()
        assert world.outbox.transcript == "bot> You said right.\n"
        assert await world.inbox.kept(conversation(), "1") is not None
        # It is answered as it stands: the edit is no news when it comes again.
        world.dispatcher.submit(Interrupted(Platform.DISCORD))
        await world.idle()
        assert world.answered == ["right"]


async def test_a_question_that_nobody_can_be_asked_about_is_answered_as_it_was_stored(tmp_path):
    world = Platforms(tmp_path)
    await world.left_half_answered(group("stored", "1"))
    async with world.running():
        assert await world.dispatcher.resume() == 1
        await world.idle()
        assert world.outbox.transcript == "bot> You said stored.\n"


async def test_a_platform_that_takes_too_long_to_say_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(resuming, "ASKING_SECONDS", 0.05)
    world = Platforms(tmp_path)
    await world.left_half_answered(group("stored", "1"))
    await world.left_half_answered(group("gone", "2", user="bob"))
    world.says["2"] = Gone()
    said = world.refetch

    async def refetch(message):
        if message.message_id == "1":
            await asyncio.Event().wait()
        return await said(message)

    world.refetch = refetch
    async with world.running():
        assert await world.dispatcher.resume() == 1
        await world.idle()
        assert world.outbox.transcript == "bot> You said stored.\n"


async def test_answers_are_resumed_in_the_order_of_their_questions(tmp_path):
    world = Platforms(tmp_path)
    for number in range(9):
        await world.left_half_answered(group(f"{number}", f"{number}"))
    world.says = {str(number): group(f"now {number}", str(number)) for number in range(0, 9, 2)}
    async with world.running():
        assert await world.dispatcher.resume() == 9
        await world.idle()
        assert world.answered == [f"{'' if n % 2 else 'now '}{n}" for n in range(9)]


async def test_a_private_answer_of_an_earlier_run_never_goes_into_the_channel(tmp_path):
    world = Platforms(tmp_path)
    shown = await world.left_half_answered(group("whose?", "1"), "what only she sees ▌")
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        async with database.transaction() as connection:
            await connection.execute("DELETE FROM inbox")
            await connection.execute("DELETE FROM inbox_replies")
        inbox = DurableInbox(database)
        inbox_id = await inbox.receive(replace(group("whose?", "2"), reply_to=PRIVATELY))
        await inbox.begin(inbox_id)
        await inbox.sent(inbox_id, SentMessage("text", 0, shown))
    taken = []
    send = world.outbox.send

    async def noting(to, text, **options):
        taken.append(options["reply_to"])
        return await send(to, text, **options)

    world.outbox.send = noting
    async with world.running():
        assert await world.dispatcher.resume() == 1
        await world.idle()
        # All by the way that leads to her alone; what nothing else reaches is left.
        assert taken == [PRIVATELY]
        assert world.outbox.messages[shown].text == "what only she sees ▌"


async def test_a_command_is_answered_in_its_place_if_nothing_stands_there_yet(tmp_path):
    world = Platforms(tmp_path)
    taken = []
    send = world.outbox.send

    async def noting(to, text, **options):
        taken.append(options["reply_to"])
        return await send(to, text, **options)

    async with Database.open(tmp_path / "lorekeeper.db") as database:
        await DurableInbox(database).receive(replace(group("waits", "1"), reply_to=OPENLY))
    seen = replace(group("seen", "2", user="bob"), reply_to=OPENLY)
    await world.left_half_answered(seen)
    world.outbox.send = noting
    async with world.running():
        assert await world.dispatcher.resume() == 2
        await world.idle()
        assert taken == [OPENLY]
        texts = {shown.text for shown in world.outbox.messages.values()}
        assert texts == {"You said waits.", "You said seen."}


async def test_after_an_interruption_recent_answers_follow_their_questions(tmp_path):
    world = Platforms(tmp_path)
    async with world.running():
        for number, text in enumerate(("stays", "wrong", "gone", "unknown")):
            world.dispatcher.submit(group(text, str(number), user=text))
        await world.idle()
        world.says = {"0": group("stays", "0"), "1": group("right", "1"), "2": Gone()}
        world.dispatcher.submit(Interrupted(Platform.DISCORD))
        await world.idle()
        assert sorted(world.answered) == sorted(["stays", "wrong", "gone", "unknown", "right"])
        assert {shown.text for shown in world.outbox.messages.values()} == {
            "You said stays.",
            "You said right.",
            "You said unknown.",
        }


async def test_an_answer_under_way_follows_its_question_after_an_interruption(tmp_path):
    world = Platforms(tmp_path)
    world.holds.clear()
    async with world.running():
        world.dispatcher.submit(group("wrong", "1"))
        world.dispatcher.submit(group("gone", "2", user="bob"))
        async with asyncio.timeout(20):
            while len(world.outbox.messages) < 2:  # noqa: ASYNC110 - an outbox knows no events
                await asyncio.sleep(0.001)
        # While it is being answered, its words are those of the inbox.
        world.says = {"1": group("right", "1"), "2": Gone()}
        world.dispatcher.submit(Interrupted(Platform.DISCORD))
        async with asyncio.timeout(20):
            while world.answered[-1] != "right" or len(world.outbox.messages) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        world.holds.set()
        await world.idle()
        assert world.outbox.transcript == "bot> You said right.\n"


async def test_an_edit_that_was_missed_counts_by_when_it_was_made(tmp_path):
    world = Platforms(tmp_path)
    async with world.running():
        for number in (1, 2):
            world.dispatcher.submit(group("old", str(number), user=f"u{number}"))
        await world.idle()
        late = datetime.now(UTC) + timedelta(minutes=20)
        early = datetime.now(UTC) + timedelta(minutes=10)
        world.says = {
            "1": replace(group("late", "1"), edited_at=late),
            "2": replace(group("early", "2"), edited_at=early),
        }
        world.dispatcher.submit(Interrupted(Platform.DISCORD))
        await world.idle()
        assert world.answered == ["old", "old", "early"]


async def test_what_was_asked_too_long_ago_is_not_looked_at_again(tmp_path):
    world = Platforms(tmp_path, answer_missed_minutes=5, edit_window_minutes=5)
    async with world.running():
        world.dispatcher.submit(group("old", "1"))
        await world.idle()
        async with world.database.transaction() as connection:
            await connection.execute("UPDATE inbox SET received_at = received_at - 301")
        world.dispatcher.submit(Interrupted(Platform.DISCORD))
        await world.idle()
        assert world.asked == []


async def test_an_interruption_while_others_are_looked_after_is_looked_after_once_more(tmp_path):
    world = Platforms(tmp_path)
    begun, goes_on, said = asyncio.Event(), asyncio.Event(), world.refetch

    async def refetch(message):
        begun.set()
        await goes_on.wait()
        return await said(message)

    world.refetch = refetch
    async with world.running():
        world.dispatcher.submit(group("hello", "1"))
        await world.idle()
        world.dispatcher.submit(Interrupted(Platform.DISCORD))
        await begun.wait()
        for _ in range(10):
            world.dispatcher.submit(Interrupted(Platform.DISCORD))
        goes_on.set()
        await world.idle()
        assert len(world.asked) == 2
        world.dispatcher.submit(Interrupted(Platform.DISCORD))
        await world.idle()
        assert len(world.asked) == 3


async def test_a_question_that_got_a_thread_of_its_own_is_looked_at_where_it_stands(tmp_path):
    world = Platforms(tmp_path)
    asked = MessageRef(conversation(), "1")
    there = replace(group("hello", "1"), conversation=conversation("town", "1"), reply_to=asked)
    assert origin_of(there) == conversation()
    assert origin_of(group("hello", "1")) == conversation()
    async with world.running():
        world.dispatcher.submit(there)
        await world.idle()
        world.says["1"] = there
        world.dispatcher.submit(Interrupted(Platform.DISCORD))
        await world.idle()
        assert world.answered == ["hello"]


async def test_a_half_answer_where_nothing_is_answered_any_more_is_ended(tmp_path):
    world = Platforms(tmp_path)
    question = group("hello", "1")
    await world.left_half_answered(question)
    world.admitted = False
    async with world.running():
        await world.dispatcher.resume()
        await world.idle()
        assert world.outbox.transcript == (
            "bot> I was restarted while working on this. Please send it again.\n"
        )


async def test_a_command_that_is_not_dealt_with_does_not_wait_for_ever(tmp_path):
    world = Platforms(tmp_path)
    world.admitted = False
    async with world.running():
        world.dispatcher.submit(replace(group("hello", "1"), reply_to=OPENLY))
        world.dispatcher.submit(group("hello", "2"))
        await world.idle()
        assert world.outbox.dismissed == [OPENLY]
        assert world.outbox.transcript == ""


async def test_a_command_that_is_stopped_while_it_waits_does_not_wait_for_ever(tmp_path):
    world = Platforms(tmp_path)
    world.holds.clear()
    async with world.running():
        first, second = group("first", "1"), replace(group("second", "2"), reply_to=OPENLY)
        world.dispatcher.submit(first)
        world.dispatcher.submit(second)
        async with asyncio.timeout(20):
            while not world.outbox.messages:  # noqa: ASYNC110 - an outbox knows no events
                await asyncio.sleep(0.001)
        world.dispatcher.cancel(conversation())
        await world.idle()
        assert world.outbox.dismissed == [OPENLY]
        assert await world.state(second) is InboxState.DONE


async def test_a_command_that_waits_when_we_stop_is_left_to_the_next_run(tmp_path):
    world = Platforms(tmp_path)
    world.holds.clear()
    async with world.running():
        waits = replace(group("waits", "2"), reply_to=OPENLY)
        world.dispatcher.submit(group("first", "1"))
        world.dispatcher.submit(waits)
        async with asyncio.timeout(20):
            while not world.outbox.messages:  # noqa: ASYNC110 - an outbox knows no events
                await asyncio.sleep(0.001)
        await world.dispatcher.drain(0)
        assert await world.state(waits) is InboxState.RECEIVED
        assert world.outbox.dismissed == []
    world.holds.set()
    async with world.running():
        assert await world.dispatcher.resume() == 1
        await world.idle()
        assert "bot> You said waits.\n" in world.outbox.transcript


async def test_a_command_whose_answer_cannot_be_delivered_does_not_wait_for_ever(tmp_path):
    world = Platforms(tmp_path)
    world.outbox.refuse("send", ForbiddenError(conversation()))
    async with world.running():
        world.dispatcher.submit(replace(group("hello", "1"), reply_to=OPENLY))
        await world.idle()
        assert world.outbox.dismissed == [OPENLY]


async def test_whoever_writes_in_private_is_told_when_it_cannot_be_found_out_whether_to_answer(
    tmp_path,
):
    world = Platforms(tmp_path)
    told = "I could not find out just now whether I may answer you. Please ask again soon."
    async with world.running():
        world.admitted = DeliveryRateLimitedError(conversation(), 5)
        world.dispatcher.submit(private("hello", "1"))
        await world.idle()
        assert world.outbox.transcript == f"bot> {told}\n"
        world.dispatcher.submit(replace(private("hello", "2"), reply_to=OPENLY))
        await world.idle()
        assert [shown.text for shown in world.outbox.revealed] == [told]
        assert (world.answered, await world.state(private("", "1"))) == ([], None)
        world.admitted = True
        world.dispatcher.submit(private("hello", "3"))
        await world.idle()
        assert world.answered == ["hello"]


async def test_a_question_that_addresses_us_no_more_is_still_the_same_question(tmp_path):
    world = Platforms(tmp_path)
    await world.left_half_answered(group("hello", "1"))
    world.says["1"] = replace(group("hello", "1"), trigger=Trigger.AMBIENT)
    async with world.running():
        assert await world.dispatcher.resume() == 1
        await world.idle()
        world.dispatcher.submit(Interrupted(Platform.DISCORD))
        await world.idle()
        assert world.answered == ["hello"]
        (again,) = await world.inbox.recent(Platform.DISCORD, 0, 9)
        assert again.message.trigger is Trigger.MENTION


async def test_what_was_taught_is_told_of_edits_and_deletions_that_nobody_heard(tmp_path):
    world = Platforms(tmp_path)
    stays, never, edited, deleted = [replace(group("", f"t{n}"), text="") for n in range(4)]
    world.says = {
        "t0": replace(stays, text="as ever"),
        "t2": replace(edited, text="anew", edited_at=datetime.now(UTC)),
        "t3": Gone(),
    }
    told = []

    async def taught(_platform):
        return (stays, never, edited, deleted)

    async def changed(event):
        told.append(event)

    async with world.running(taught=taught, changed=changed):
        world.dispatcher.submit(Interrupted(Platform.DISCORD))
        await world.idle()
    assert world.asked == ["t0", "t1", "t2", "t3"]
    assert told == [
        MessageEdited(world.says["t2"]),
        MessageDeleted(deleted.conversation, "t3"),
    ]


async def test_an_edit_that_is_told_meanwhile_is_not_overtaken_by_what_was_asked_for_earlier(
    tmp_path,
):
    world = Platforms(tmp_path)
    known = replace(group("", "t1"), text="", trigger=Trigger.AMBIENT)
    older, newer = (replace(known, text=text, edited_at=datetime.now(UTC)) for text in "ab")
    begun, goes_on, told = asyncio.Event(), asyncio.Event(), []

    async def taught(_platform):
        return (known,)

    async def changed(event):
        told.append(event.message.text)

    async def refetch(_message):
        begun.set()
        await goes_on.wait()
        return older

    world.refetch = refetch
    async with world.running(taught=taught, changed=changed):
        world.dispatcher.submit(Interrupted(Platform.DISCORD))
        await begun.wait()
        world.dispatcher.submit(MessageEdited(newer))
        goes_on.set()
        await world.idle()
    assert told == ["a", "b"]
