"""Buttons below answers, from the question to the press: a real chat over a scripted engine."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest

from core.actions import Actions, Judge
from core.chat import Chat
from core.database import Database
from core.dispatcher import Dispatcher
from core.engines.choice import EngineChoice
from core.engines.extractive import ExtractiveEngine
from core.engines.queued import QueuedEngine
from core.errors import DeliveryError, EngineUnavailableError, ForbiddenError, NotReadableError
from core.events import (
    ActionPressed,
    Attachment,
    ChannelKind,
    InteractionRef,
    MemberRef,
    MessageDeleted,
    Platform,
)
from core.feedback import Feedback, Verdict
from core.history import History
from core.hooks import Hooks
from core.inbox import DurableInbox
from core.knowledge import Knowledge
from core.permissions import Listed, Rules, level_of
from core.ports import Capabilities
from core.prompts import Prompts
from core.settings import ChatSettings, DispatcherSettings, EngineSettings
from tests.support.messages import author, conversation, group, private
from tests.support.places import open_places
from tests.support.recording_outbox import RecordingOutbox
from tests.support.scripted_engine import Script, ScriptedEngine
from tests.support.shelf import Shelf

CAN = Capabilities(
    max_text=2000,
    edit_interval_private=0,
    edit_interval_group=0,
    can_deduplicate=True,
    can_buttons=True,
)
ASKED = "When does the gate of the garden open?"
INTERACTION = InteractionRef(Platform.DISCORD, "i1")
RULES = Rules(blocked=Listed(members=frozenset({MemberRef(Platform.DISCORD, "troll")})))


class World:
    """A bot without a platform; what it knows and shows outlives it, as after a restart."""

    def __init__(self, folder, outbox=None):
        self.folder = folder
        self.outbox = outbox or RecordingOutbox(CAN)
        self.shelf = Shelf()
        self.shelf.put("discord:town", "garden.md", "The gate of the garden does open at nine.")
        self.engine = ScriptedEngine("It opens at nine [1].")
        self.further = {}
        self.judge = Judge(self.scope, partial(level_of, rules=RULES))

    async def scope(self, asked):
        return await open_places(self.database, self.shelf).access.scope_of(asked)

    @asynccontextmanager
    async def running(self, **hooks):
        async with Database.open(self.folder / "lorekeeper.db") as self.database:
            queued = QueuedEngine.of(self.engine, EngineSettings())
            quoting = QueuedEngine.of(ExtractiveEngine(self.shelf.quote), EngineSettings())
            engines = EngineChoice({"scripted": queued}, "scripted", quoting)
            places = open_places(self.database, self.shelf)
            knowledge = Knowledge(self.shelf, places.access, places.channels)
            history = History(self.database)
            chat = Chat(knowledge, engines, history, Prompts(), ChatSettings(passages=2))
            outboxes = {Platform.DISCORD: self.outbox}
            actions = Actions(self.database, self.shelf, outboxes, self.judge, self.further)
            self.dispatcher = Dispatcher(
                lambda message, _stop: chat.answer(message),
                outboxes,
                self.database,
                DispatcherSettings(grace_seconds=5),
                hooks=Hooks(action=actions.pressed, **hooks),
            )
            try:
                yield self
            finally:
                await self.dispatcher.drain(0)
                for queue in (queued, quoting):
                    await queue.aclose()

    @property
    def shown(self):
        return list(self.outbox.messages.values())

    @property
    def chores(self):
        return set(self.dispatcher._runs._chores)

    async def idle(self):
        while tasks := self.dispatcher._runs.tasks:
            await asyncio.wait(tasks)

    async def ask(self, message=None):
        self.dispatcher.submit(message or group(ASKED, "q1"))
        await self.idle()

    async def press(self, action, ours="m1", *, user="ada", where=None, **facts):
        """What the one who pressed gets to see of it, in one text."""
        before = len(self.outbox.revealed)
        who = facts.pop("who", author(user))
        event = ActionPressed(where or conversation(), ours, action, who, interaction=INTERACTION)
        self.dispatcher.submit(replace(event, **facts))
        await self.idle()
        return "\n".join(shown.text for shown in self.outbox.revealed[before:])


@pytest.fixture
async def world(tmp_path):
    async with World(tmp_path).running() as made:
        yield made


ANSWER = "bot> It opens at nine [1].\n\nSources:\n[1] garden.md (100 %)\n"


async def test_an_answer_has_its_buttons(world):
    await world.ask()
    assert world.outbox.transcript.startswith("bot> It opens at nine [1].")
    assert world.outbox.messages["m1"].actions == ["sources", "up", "down", "more"]


async def test_sources_shows_the_passages_behind_that_very_answer_to_who_pressed(world):
    await world.ask()
    world.shelf.put("discord:town", "lake.md", "Boats on the lake are hired for 12 crowns.")
    await world.ask(group("For how many crowns are boats on the lake hired?", "q2"))
    shown = await world.press("sources", "m1", user="bob")
    assert "`garden.md`" in shown
    assert "added 2026-05-04" in shown
    assert "> The gate of the garden does open at nine." in shown
    assert "lake" not in shown
    assert all(revealed.to == INTERACTION for revealed in world.outbox.revealed)
    assert "12 crowns" in await world.press("sources", "m2")


async def test_buttons_work_after_a_restart(tmp_path):
    before = World(tmp_path)
    async with before.running():
        await before.ask()
    after = World(tmp_path, before.outbox)
    async with after.running():
        assert "at nine" in await after.press("sources")
        await after.press("down", user="bob")
        after.engine = ScriptedEngine("unused")
        await after.press("regenerate")
        assert len(after.outbox.messages) == 1
        await after.press("delete-now:m1")
        assert after.outbox.transcript == ""


@pytest.mark.parametrize(
    ("where", "ours"),
    [
        (conversation("other"), "m1"),
        (conversation("town", "topic"), "m1"),
        (conversation(), "m99"),
        (conversation(), "q1"),
        (conversation(), "' OR 1=1 --"),
    ],
    ids=["another chat", "another topic", "no message", "the question's own id", "injection"],
)
@pytest.mark.parametrize("action", ["sources", "up", "more", "regenerate", "delete", "delete-now"])
async def test_a_copied_or_forged_button_leads_nowhere(world, where, ours, action):
    await world.ask()
    asked = world.engine.asked
    for pressed, under in ((action, ours), (f"{action}:{ours}"[:40], "m1")):
        told = await world.press(pressed, under, where=where)
        assert told == "This answer is not here any more."
    assert world.engine.asked == asked
    assert len(world.outbox.messages) == 1
    assert await Feedback(world.database).given_in(conversation().channel) == ()


async def test_an_old_answer_in_a_topic_is_found_where_the_platform_names_no_topic(world):
    topic = conversation("town", "topic")
    await world.ask(replace(group(ASKED, "q1"), conversation=topic))
    assert "at nine" in await world.press("sources", where=conversation())
    await world.press("up", where=conversation())
    (given,) = await Feedback(world.database).given_in(topic.channel)
    assert given.verdict is Verdict.UP
    await world.press("delete-now", where=conversation())
    assert world.outbox.transcript == ""


async def test_the_scope_is_made_for_who_presses_at_that_moment(tmp_path):
    world = World(tmp_path)

    async def scope(asked):
        if asked.author.user_id == "former":
            raise NotReadableError("town", unknown=False)
        return await world.scope(asked)

    world.judge = replace(world.judge, scope=scope)
    async with world.running():
        await world.ask()
        assert "at nine" in await world.press("sources", user="bob")
        told = await world.press("sources", user="former")
        assert told
        assert "nine" not in told


async def test_a_passage_that_is_gone_is_said_to_be(world):
    await world.ask()
    (base,) = [base for base in await world.shelf.bases() if base.name == "discord:town"]
    await world.shelf.remove(base.base_id, "garden.md")
    assert await world.press("sources") == (
        "The 1 passage behind this answer is not there any more."
    )


async def test_the_blocked_are_ignored_and_so_is_what_has_no_button(world):
    await world.ask()
    assert await world.press("sources", user="troll") == ""
    assert await world.press("nonsense:1") == ""


async def test_a_verdict_is_kept_once_a_person_and_can_be_changed(world):
    await world.ask()
    feedback = Feedback(world.database)
    assert "👍" in await world.press("up")
    assert "👎" in await world.press("down", user="bob")
    assert "👎" in await world.press("down")
    assert await feedback.of(conversation(), "q1", "ada") is Verdict.DOWN
    judged = await feedback.given_in(conversation().channel)
    assert [(own.verdict, own.question) for own in judged] == [(Verdict.DOWN, ASKED)] * 2
    assert judged[0].answer == "It opens at nine [1]."
    assert [(s.number, s.document, s.cited) for s in judged[0].sources] == [(1, "garden.md", True)]


async def test_more_is_for_the_asker_and_moderators(world):
    await world.ask()
    assert await world.press("more", user="bob") == "Only who asked and moderators can do that."
    await world.press("more")
    assert world.outbox.revealed[-1].actions == ["regenerate:m1", "delete:m1"]
    moderator = replace(author("mia"), is_moderator=True)
    assert await world.press("more", who=moderator) == "This answer:"


@pytest.mark.parametrize("action", ["regenerate:m1", "delete:m1", "delete-now:m1"])
async def test_nobody_else_can_do_what_they_were_not_offered(world, action):
    await world.ask()
    told = await world.press(action, "ephemeral", user="bob")
    assert told == "Only who asked and moderators can do that."
    await world.idle()
    assert (world.engine.asked, len(world.outbox.messages)) == (1, 1)


async def test_regenerating_answers_the_same_question_anew_in_place(tmp_path):
    world = World(tmp_path)
    world.engine = ScriptedEngine("It opens at nine [1].", "At nine it does open [1].")
    async with world.running():
        await world.ask()
        assert await world.press("regenerate:m1", "ephemeral") == "I am answering anew."
        assert world.outbox.transcript.startswith("bot> At nine it does open [1].")
        assert len(world.outbox.messages) == 1
        assert ASKED in world.engine.calls[1].messages[-1].text
        # Once more, and the past answer is what the history has now.
        stored = await History(world.database).answer(conversation(), "q1")
        assert stored.text == "At nine it does open [1]."
        await world.press("regenerate:m1", "ephemeral")
        assert world.engine.asked == 3


async def save(path, limit):
    raise NotImplementedError


async def test_regenerating_fetches_the_files_of_the_question_again(tmp_path):
    world = World(tmp_path)
    file = Attachment("a1", "plan.png", "image/png", 9, save)
    fetched = []

    async def refetch(message):
        fetched.append(message.message_id)
        return replace(message, attachments=(file,))

    async with world.running(refetch=refetch):
        await world.ask(replace(group(ASKED, "q1"), attachments=(file,)))
        await world.press("regenerate:m1")
        assert fetched == ["q1"]
        assert world.engine.asked == 2


async def test_a_question_whose_words_were_forgotten_cannot_be_answered_anew(world):
    await world.ask()
    await History(world.database).clear(conversation(), author("ada"))
    assert await world.press("regenerate:m1") == (
        "I no longer have this question. Please send it again."
    )
    async with world.database.reader() as connection:
        rows = await connection.execute_fetchall("SELECT payload FROM inbox")
    assert list(rows) == [(None,)]


async def test_deleting_an_answer_leaves_what_was_taught_from_its_question(tmp_path):
    changes = []

    async def changed(event):
        changes.append(event)

    async with World(tmp_path).running(changed=changed) as world:
        await world.ask()
        assert await world.press("delete-now:m1", "ephemeral") == "Deleted."
        assert world.outbox.transcript == ""
        # The message that was asked is still there.
        assert changes == []
        world.dispatcher.submit(MessageDeleted(conversation(), "q1"))
        await world.idle()
        assert changes == [MessageDeleted(conversation(), "q1")]


async def test_deleting_asks_first_and_takes_answer_turn_and_verdicts_out(world):
    await world.ask()
    await world.press("up", user="bob")
    assert "Delete this answer" in await world.press("delete:m1", "ephemeral")
    assert world.outbox.revealed[-1].actions == ["delete-now:m1"]
    assert len(world.outbox.messages) == 1
    assert await world.press("delete-now:m1", "ephemeral") == "Deleted."
    assert world.outbox.transcript == ""
    assert await History(world.database).answer(conversation(), "q1") is None
    assert await Feedback(world.database).given_in(conversation().channel) == ()
    assert await world.press("delete-now:m1", "x") == "This answer is not here any more."
    async with world.database.reader() as connection:
        rows = await connection.execute_fetchall("SELECT payload FROM inbox")
    assert list(rows) == [(None,)]


async def test_an_answer_that_failed_can_be_asked_for_again(tmp_path):
    world = World(tmp_path)
    broken = Script(["It opens at ", "nine."], fail={1: EngineUnavailableError("scripted")})
    world.engine = ScriptedEngine(broken, "It opens at nine [1].")
    async with world.running():
        await world.ask()
        assert world.outbox.messages["m1"].actions == ["regenerate"]
        await world.press("regenerate")
        assert world.outbox.transcript.startswith("bot> It opens at nine [1].\n")
        assert world.outbox.messages["m1"].actions == ["sources", "up", "down", "more"]


async def test_stop_ends_an_answer_that_waits_and_it_can_be_asked_for_again(tmp_path):
    world = World(tmp_path)
    gate = asyncio.Event()
    world.engine = ScriptedEngine(Script(["Nine."], gates={0: gate}), "It opens at nine [1].")
    async with world.running():
        world.dispatcher.submit(group(ASKED, "q1"))
        # Bob's question would else be the faster one now and then, and Ada's the one that waits.
        await world.engine.begun(1)
        world.dispatcher.submit(group(ASKED, "q2", user="bob"))
        await world.outbox.until(lambda: any("queue" in m.text for m in world.shown))
        (waiting,) = [m for m in world.shown if "queue" in m.text]
        assert waiting.actions == ["stop"]
        assert await press_stop(world, waiting.message_id, "carl") == (
            "Only who asked and moderators can do that."
        )
        await press_stop(world, waiting.message_id, "bob")
        await world.outbox.until(lambda: waiting.actions == ["regenerate"])
        assert waiting.text == "[stopped]"
        gate.set()
        await world.idle()


async def press_stop(world, ours, user):
    before = len(world.outbox.revealed)
    others = world.chores
    world.dispatcher.submit(
        ActionPressed(conversation(), ours, "stop", author(user), interaction=INTERACTION)
    )
    await asyncio.gather(*(world.chores - others))
    return "\n".join(shown.text for shown in world.outbox.revealed[before:])


async def test_a_draft_is_stopped_by_the_question_that_it_answers(tmp_path):
    world = World(tmp_path, RecordingOutbox(replace(CAN, can_draft=True)))
    gate = asyncio.Event()
    world.engine = ScriptedEngine(Script(["It opens at ", "nine."], gates={1: gate}))
    world.shelf.put("shared", "garden.md", "The gate of the garden does open at nine.")
    async with world.running():
        asked = private(ASKED, "q1")
        world.dispatcher.submit(asked)
        async with asyncio.timeout(20):
            while not world.outbox.drafts:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        stop = ActionPressed(
            asked.conversation, "q1", "stop", author("ada"), ChannelKind.PRIVATE, INTERACTION
        )
        world.dispatcher.submit(stop)
        await world.idle()
        assert world.outbox.transcript == "bot> It opens\n\n[stopped]\n"


async def test_buttons_of_other_modules_go_to_them(tmp_path):
    world = World(tmp_path)
    seen = []

    async def settings(event):
        seen.append(event.action)

    world.further = {"set": settings}
    async with world.running():
        await world.press("set:language:zh")
        await world.press("settle:language:zh")
        assert seen == ["set:language:zh"]


async def test_a_fault_of_ours_is_told_to_who_pressed_with_its_reference(tmp_path, caplog):
    world = World(tmp_path)

    async def broken(event):
        raise RuntimeError("a fault of ours")

    world.further = {"set": broken}
    async with world.running():
        told = await world.press("set:x")
        (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
        assert told == f"Something went wrong on my side (reference {record.reference})."


async def test_where_nobody_can_be_told_the_press_still_counts(world):
    await world.ask()
    world.outbox.refuse("reveal", DeliveryError(conversation()))
    await world.press("up")
    assert await Feedback(world.database).of(conversation(), "q1", "ada") is Verdict.UP
    await world.press("down", interaction=None)
    assert await Feedback(world.database).of(conversation(), "q1", "ada") is Verdict.DOWN


async def test_what_is_shown_is_in_the_language_of_who_presses(world):
    await world.ask()
    shown = await world.press("sources", locale="zh-CN")
    assert "添加于 2026-05-04" in shown
    assert await world.press("more", user="bob", locale="zh-CN") == "只有提问者和版主可以这样做。"


async def test_long_passages_come_whole_on_pages_that_the_platform_takes(tmp_path):
    world = World(tmp_path, RecordingOutbox(replace(CAN, max_text=600)))
    line = "The *gate* of the garden does open at nine; @everyone, see [1]_"
    world.shelf.put("discord:town", "long.md", "\n".join(f"{n} {line}" for n in range(60)))
    async with world.running():
        await world.ask()
        shown = await world.press("sources")
        assert len(world.outbox.revealed) > 5
        assert all(f"> {n} The " in shown for n in range(60))
        assert "@everyone" not in shown


async def test_who_asks_where_we_may_not_write_is_told_privately(world):
    asked = replace(group(ASKED, "q1"), place=replace(group("").place, channel_name="town square"))
    world.outbox.refuse("send", ForbiddenError(asked.conversation))
    await world.ask(asked)
    assert [(m.channel, m.text) for m in world.outbox.messages.values()] == [
        ("dm-ada", "I may not write in `town square`, so I could not answer you there.")
    ]


async def test_rows_go_after_a_month_unless_an_answer_still_needs_them(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        now = [1_000_000.0]
        inbox = DurableInbox(database, clock=lambda: now[0])
        for number, question in enumerate(("answered", "a command", "new")):
            message = group(question, str(number))
            if question == "new":
                now[0] += 31 * 86_400
            inbox_id = await inbox.receive(message)
            if question != "a command":
                await History(database).append_question(message)
            await inbox.finish(inbox_id)
        owed = await inbox.receive(group("owed", "9"))
        assert owed is not None
        assert await inbox.kept(conversation(), "0") is not None
        assert await inbox.prune(30) == 1
        assert await inbox.find(conversation(), "1") is None
        assert await inbox.find(conversation(), "0") is not None
        assert await inbox.kept(conversation(), "0") is None
        assert (await inbox.kept(conversation(), "2")).message.text == "new"


async def test_of_two_processes_on_one_folder_one_resumes(tmp_path):
    first, second = World(tmp_path), World(tmp_path)
    async with first.running():
        await DurableInbox(first.database).receive(group(ASKED, "q1"))
        await asyncio.sleep(0)
        async with second.running():
            assert await first.dispatcher.resume() == 1
            assert await second.dispatcher.resume() == 0
            await first.idle()
        await first.dispatcher.drain(0)
        third = World(tmp_path)
        async with third.running():
            await DurableInbox(third.database).receive(group(ASKED, "q2"))
            assert await third.dispatcher.resume() == 1
            await third.idle()


@pytest.mark.parametrize(
    ("silence", "told"),
    [("paused", "I am paused here."), ("off", "I do not speak in this channel.")],
)
async def test_nothing_is_answered_anew_where_nothing_is_answered(tmp_path, silence, told):
    world = World(tmp_path)
    world.judge = replace(world.judge, silence=lambda asked: silence)
    async with world.running():
        await world.ask()
        before = world.outbox.transcript
        assert await world.press("regenerate:m1", "ephemeral") == told
        assert await world.press("regenerate", "m1") == told
        assert (world.engine.asked, world.outbox.transcript) == (1, before)
        assert await world.press("sources", "m1")


async def test_an_answer_that_is_being_made_is_not_made_twice(tmp_path):
    world = World(tmp_path)
    gate = asyncio.Event()
    world.engine = ScriptedEngine(
        "It opens at nine [1].", Script(["At nine [1]."], gates={0: gate})
    )
    async with world.running():
        await world.ask()
        press = ActionPressed(
            conversation(), "ephemeral", "regenerate:m1", author("ada"), interaction=INTERACTION
        )
        world.dispatcher.submit(press)
        async with asyncio.timeout(20):
            while world.engine.asked < 2:  # noqa: ASYNC110 - an engine knows no events
                await asyncio.sleep(0.001)
        world.dispatcher.submit(press)
        world.dispatcher.submit(replace(press, action="regenerate", message_id="m1"))
        async with asyncio.timeout(20):
            while len(world.outbox.revealed) < 3:  # noqa: ASYNC110 - nor does an outbox
                await asyncio.sleep(0.001)
        gate.set()
        await world.idle()
        assert [shown.text for shown in world.outbox.revealed] == [
            "I am answering anew.",
            "I am answering this already.",
            "I am answering this already.",
        ]
        assert world.engine.asked == 2
