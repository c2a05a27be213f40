from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from core.assistant import Assistant
from core.commands import COMMANDS
from core.commands.base import Resources
from core.commands.parsing import parse
from core.confirmations import Confirmations
from core.database import Database
from core.engines.choice import EngineChoice
from core.engines.queued import QueuedEngine
from core.envoy import Envoy
from core.errors import (
    AttachmentTooLargeError,
    BadArgumentsError,
    EngineUnavailableError,
    UnknownCommandError,
)
from core.events import (
    Attachment,
    ConversationRef,
    IncomingMessage,
    Invocation,
    MemberRef,
    Platform,
    Quoted,
    Trigger,
)
from core.forms import OpenForms
from core.gaps import Gaps
from core.history import History
from core.moderation import Moderation
from core.permissions import Rules, listed
from core.replies import (
    CitedPassage,
    Failed,
    Finished,
    Notice,
    ReplyEvent,
    Sources,
    TextDelta,
)
from core.reviews import Reviews
from core.settings import EngineSettings
from core.taught import TaughtMessages
from core.team_answers import TeamAnswers
from knowledge_base.errors import EmptyDocumentError
from tests.support.messages import author, group, private
from tests.support.own_data import own_data_of, unlimited
from tests.support.places import open_places
from tests.support.scripted_engine import ScriptedEngine
from tests.support.shelf import Shelf


class Place:
    """An assistant whose chat repeats the question, unless a test gives it something to raise."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.history = history = History(database)
        self.shelf = Shelf()
        self.raised: BaseException | None = None
        self.asked: list[IncomingMessage] = []
        self.closed = 0
        queued = QueuedEngine.of(ScriptedEngine(), EngineSettings())
        small = QueuedEngine.of(ScriptedEngine(name="smollm2"), EngineSettings())
        self.engines = EngineChoice({"scripted": queued, "smollm2": small}, "scripted", queued)
        rules = Rules(
            owners=frozenset({MemberRef(Platform.DISCORD, "owner")}),
            blocked=listed(["discord:troll"]),
        )
        self.places = open_places(database, self.shelf, rules=rules)
        resources = Resources(
            self.shelf,
            self.engines,
            history,
            self.chat,
            self.places.access,
            self.places.channels,
            self.places.sightings,
            self.places.sharing,
            Confirmations(database),
            Reviews(database, folder),
            TaughtMessages(database),
            OpenForms(database),
            Moderation.over(database, folder, self.places.channels, {}, Envoy({}), rules),
            Gaps(database, self.shelf),
            TeamAnswers(database, {}),
            own_data_of(database, self.shelf, self.places.channels, folder),
            unlimited(database, self.places.channels, rules),
            max_file_mb=1,
        )
        self.assistant = Assistant(resources, rules)
        self.greeting = Assistant(resources, rules, sightings=self.places.sightings)

    async def chat(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        self.asked.append(message)
        try:
            yield TextDelta(f"You asked: {message.text}")
            if self.raised is not None:
                raise self.raised
            yield Finished("stop")
        finally:
            self.closed += 1

    async def reply(self, message: IncomingMessage) -> list[ReplyEvent]:
        async with aclosing(self.assistant.reply(message)) as events:
            return [event async for event in events]

    async def says(self, message: IncomingMessage) -> str:
        return "".join(
            e.text for e in await self.reply(message) if isinstance(e, TextDelta | Failed)
        )


@pytest.fixture
async def place(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        yield Place(database, tmp_path)


def as_owner(message: IncomingMessage) -> IncomingMessage:
    return replace(message, author=author("owner"))


async def test_a_question_goes_to_the_chat_and_ends(place):
    assert await place.reply(group("When?")) == [TextDelta("You asked: When?"), Finished("stop")]


async def test_a_message_that_is_not_for_us_gets_no_reply_and_leaves_nothing(place):
    assert await place.reply(replace(group("Nice weather."), trigger=Trigger.AMBIENT)) == []
    assert place.asked == []


async def test_who_is_blocked_gets_no_reply(place):
    assert await place.reply(group("When?", user="troll")) == []
    assert await place.reply(group("/help", user="troll")) == []


async def test_an_expected_error_is_told_after_what_was_said(place):
    place.raised = EngineUnavailableError("smollm2")
    events = await place.reply(group("When?"))
    assert events[0] == TextDelta("You asked: When?")
    assert isinstance(events[-1], Failed)
    assert events[-1].text.startswith("The model `smollm2` is not answering.")
    assert events[-1].reference is None


@pytest.mark.parametrize("locale", [None, "en", "zh-CN"])
async def test_what_is_said_in_an_answer_is_in_the_language_of_the_question(place, locale):
    place.raised = EngineUnavailableError("smollm2")
    assert "没有响应" in await place.says(replace(group("几点开门？"), locale=locale))
    assert "is not answering" in await place.says(replace(group("When?"), locale=locale))


async def test_a_language_that_we_have_no_sentences_in_leaves_the_askers(place):
    place.raised = EngineUnavailableError("smollm2")
    assert "没有响应" in await place.says(replace(group("いつ開きますか"), locale="zh-CN"))


async def test_what_is_no_question_is_answered_in_the_language_of_the_client(place):
    assert "没有" in await place.says(replace(group("/nonsense"), locale="zh-CN"))


async def test_what_a_file_is_called_stands_in_no_line_of_the_log_from_info_on(place, caplog):
    place.raised = EmptyDocumentError("otter55.pdf")
    with caplog.at_level(logging.INFO):
        failed = (await place.reply(group("When?")))[-1]
    assert "otter55" in failed.text
    assert "otter55" not in caplog.text
    assert "empty_document" in caplog.text


async def test_an_unexpected_error_gets_a_reference_that_the_log_has_with_its_trace(place, caplog):
    place.raised = ZeroDivisionError("secret detail")
    with caplog.at_level(logging.ERROR):
        failed = (await place.reply(group("When?")))[-1]
    assert isinstance(failed, Failed)
    assert re.fullmatch(r"[0-9A-F]{6}", failed.reference or "")
    assert failed.text == f"Something went wrong on my side (reference {failed.reference})."
    assert "secret" not in failed.text
    (record,) = [record for record in caplog.records if record.name == "core.assistant"]
    assert failed.reference in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


async def test_cancellation_passes_through(place):
    place.raised = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await place.reply(group("When?"))


async def test_leaving_early_closes_what_runs(place):
    async with aclosing(place.assistant.reply(group("When?"))) as events:
        async for _event in events:
            break
    assert place.closed == 1


async def test_an_empty_message_is_told_what_to_do(place):
    assert "/help" in await place.says(group("  "))
    assert place.asked == []


async def test_an_empty_reply_to_somebodys_question_answers_that_question(place):
    quoted = Quoted("7", author("eve"), "When does it open?")
    await place.reply(replace(group(""), quoted=quoted))
    assert len(place.asked) == 1


# Commands


@pytest.mark.parametrize(
    ("text", "invocation"),
    [
        ("/help", Invocation("help")),
        ("/HELP@lorekeeper_bot", Invocation("help")),
        ("/ask When does it open?", Invocation("ask", {"question": "When does it open?"})),
        ('/kb remove "my file.pdf"', Invocation("kb remove", {"name": "my file.pdf"})),
        ("/kb remove 我的 手册.pdf", Invocation("kb remove", {"name": "我的 手册.pdf"})),
        ("  /kb   list", Invocation("kb list")),
        ("/model", Invocation("model")),
        ("What is /help?", None),
        ("/etc/passwd is what?", None),
        ("//help", None),
        ("/ help", None),
        ("", None),
    ],
)
def test_a_typed_line_is_parsed_into_the_same_as_a_slash_command(text, invocation):
    assert parse(text, COMMANDS) == invocation


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("/hlep", ("/help",)),
        ("/kb lst", ("/kb list",)),
        ("/quit", ()),
        ("/kb", ("/kb search", "/kb add", "/kb list", "/kb show", "/kb remove", "/kb stats")),
    ],
)
def test_an_unknown_command_names_the_nearest(text, near):
    with pytest.raises(UnknownCommandError) as caught:
        parse(text, COMMANDS)
    assert set(near) <= set(caught.value.near)


def test_an_argument_that_a_command_does_not_take_is_refused():
    with pytest.raises(BadArgumentsError):
        parse("/kb list everything", COMMANDS)


def test_no_two_commands_share_a_name():
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)


async def test_a_command_above_the_askers_level_is_refused_in_words(place):
    place.shelf.put("discord:town", "a.md", "text")
    assert await place.says(group("/kb remove a.md")) == (
        "Only moderators may do that. Ask one of them."
    )
    assert len(await place.shelf.documents((await place.shelf.base("discord:town")).base_id)) == 1


async def test_a_slash_command_without_its_option_is_told_how_it_is_used(place):
    message = replace(group(""), command=Invocation("ask"))
    assert "`/ask [private:yes] QUESTION`" in await place.says(message)


async def test_ask_is_a_question(place):
    assert await place.says(group("/ask When?")) == "You asked: When?"
    assert place.asked[0].command is None


async def test_a_search_shows_passages_with_their_scores_and_asks_no_model(place):
    place.shelf.put("shared", "garden.md", "The gate opens at nine.", page=3)
    shown = await place.says(group("/kb search gate opens"))
    assert shown == "1. `garden.md` · page 3 · 100%\n> The gate opens at nine."
    shown = await place.says(group("/kb search whales"))
    assert "None of them reaches the relevance of 30%" in shown


def attachment(name: str, text: str = "Some text.", size: int | None = None) -> Attachment:
    async def save(path, limit):
        if size is not None and size > limit:
            raise AttachmentTooLargeError(name, limit, "knowledge.max_file_mb")
        await asyncio.to_thread(path.write_text, text, "utf-8")

    return Attachment("1", name, "text/plain", size, save)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/abs.md", "C:\\x\\y.md", "..", "a\0b.md", "x" * 999]
)
async def test_a_file_name_cannot_lead_out_of_its_folder(place, name):
    message = replace(as_owner(group("/kb add")), attachments=(attachment(name),))
    told = await place.says(message)
    assert told.startswith("Added `")
    base = await place.shelf.base("discord:town")
    (document,) = await place.shelf.documents(base.base_id)
    assert not set("/\\\0") & set(document.name)
    assert document.name not in (".", "..")


async def test_files_without_a_word_are_to_be_learnt_and_a_member_may_not(place):
    message = replace(group(""), attachments=(attachment("a.md"),))
    assert "people who may upload" in await place.says(message)
    assert "Added `a.md`" in await place.says(as_owner(message))


async def test_files_beside_a_question_go_with_it(place):
    await place.reply(replace(group("When?"), attachments=(attachment("a.md"),)))
    (asked,) = place.asked
    assert [file.filename for file in asked.attachments] == ["a.md"]


async def test_stop_stops_the_askers_own_and_a_moderators_everything(place):
    stopped: list[tuple[ConversationRef, str | None]] = []

    def stop(conversation, user_id):
        stopped.append((conversation, user_id))
        return 2

    message = group("/stop")
    async with aclosing(place.assistant.reply(message, stop)) as events:
        shown = [event async for event in events]
    assert shown[0] == TextDelta("2 answers stopped.")
    async with aclosing(place.assistant.reply(as_owner(message), stop)) as events:
        assert len([event async for event in events]) == 2
    assert stopped == [(message.conversation, "ada"), (message.conversation, None)]
    assert await place.says(message) == "There is no answer to stop."


def test_only_what_must_not_wait_is_immediate(tmp_path):
    assistant = Assistant.__new__(Assistant)
    assert assistant.is_immediate(group("/stop"))
    assert assistant.is_immediate(replace(group(""), command=Invocation("stop")))
    assert not assistant.is_immediate(group("/reset"))
    assert not assistant.is_immediate(group("stop"))
    assert not assistant.is_immediate(group("/nonsense"))


async def test_reset_forgets_the_conversation(place):
    question = private("Hello", "1")
    await place.history.append_question(question)
    await place.history.append_answer(question, "Hi")
    assert await place.history.context(private("?", "9"), 4)
    assert "starts anew" in await place.says(private("/reset", "2"))
    assert not await place.history.context(private("?", "9"), 4)


async def test_sources_shows_the_passages_of_the_last_answer(place):
    passage = place.shelf.put("shared", "garden.md", "The gate\nopens at nine.", page=3)
    gone = place.shelf.put("shared", "old.md", "Old.")
    question = private("When?", "1")
    await place.history.append_question(question)
    shown = (CitedPassage(1, passage, cited=True), CitedPassage(2, gone, cited=True))
    await place.history.append_answer(question, "At nine [1][2].", sources=Sources(shown))
    await place.shelf.remove((await place.shelf.base("shared")).base_id, "old.md")
    events = await place.reply(private("/sources", "2"))
    assert events[0] == TextDelta(
        "[1] `garden.md` · page 3\n> The gate opens at nine.\n\n[2] is not there any more."
    )
    assert events[1] == Sources((CitedPassage(1, passage, cited=True),))


async def test_sources_are_checked_again_for_who_asks_and_where(place):
    secret = place.shelf.put("discord:@ada", "diary.md", "Secret.")
    question = replace(private("When?", "1"), conversation=group("?").conversation)
    await place.history.append_question(question)
    sources = Sources((CitedPassage(1, secret, cited=True),))
    await place.history.append_answer(question, "Secret [1].", sources=sources)
    told = await place.says(group("/sources", "2"))
    assert told == "[1] is not there any more."


async def test_there_may_be_no_answer_to_show_sources_of(place):
    assert "no answer here" in await place.says(private("/sources"))


async def test_the_first_answer_in_a_place_says_once_what_talks_there(place):
    async def notices(message: IncomingMessage) -> list[str]:
        async with aclosing(place.greeting.reply(message)) as events:
            return [event.text async for event in events if isinstance(event, Notice)]

    line = "I am a program, not a person. `/privacy` says what I keep of you."
    assert await notices(group("When?")) == [line]
    assert await notices(group("When?", "2", user="eve")) == []
    assert await notices(private("When?")) == [line]
    assert await notices(private("When?", "2")) == []


async def test_a_channels_language_goes_before_the_platforms_and_the_questions(place):
    place.raised = EngineUnavailableError("smollm2")
    town = group("?").conversation.channel
    await place.places.channels.change(town, "language", "zh")
    assert "没有响应" in await place.says(replace(group("When?"), locale="en-GB"))
    assert "not answering" in await place.says(replace(private("When?"), locale="en-GB"))
