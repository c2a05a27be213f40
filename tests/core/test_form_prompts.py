from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from core.assistant import Assistant
from core.events import Author, Platform, Quoted
from core.form_prompts import FormPrompts
from core.forms import OPEN_SECONDS, OpenForms
from core.pacer import Pacers
from core.permissions import Rules
from tests.support.commanding import MEMBER, MODERATOR, OTHER, Said, open_hall, spoken
from tests.support.recording_outbox import QUICK, RecordingOutbox

QUESTION, ANSWER = "Who feeds the sharks?", "Walter, at six."
BOT = Author("bot", "Lorekeeper", is_bot=True)


class Desk:
    """A channel on a platform without dialogs."""

    def __init__(self, hall, clock):
        self.hall = hall
        self.outbox = RecordingOutbox(replace(QUICK, forms="replies"))
        outboxes = {Platform.DISCORD: self.outbox}
        pacers = Pacers()
        forms = OpenForms(hall.resources.forms._database, clock=clock)
        resources = replace(hall.resources, forms=forms)

        def pacer_of(event):
            kind, can = event.kind, self.outbox.capabilities
            return pacers.of(event.conversation.channel, kind, can)

        prompts = FormPrompts(forms, outboxes, pacer_of)
        self.assistant = Assistant(resources, Rules(), prompts=prompts)
        self._count = 0

    @property
    def prompts(self):
        return [(key, shown.text) for key, shown in self.outbox.messages.items()]

    async def says(self, text, author=MODERATOR, to=None, message_id=None):
        self._count += 1
        quoted = Quoted(to, BOT, "…") if to else None
        message = spoken(text, author, message_id=message_id or f"m{self._count}", quoted=quoted)
        said = Said()
        async with aclosing(self.assistant.reply(message)) as events:
            async for event in events:
                said.events.append(event)
        return said.text


@pytest.fixture
async def desk(tmp_path):
    async with open_hall(tmp_path) as hall:
        hall.now = 1000.0
        yield Desk(hall, lambda: hall.now)


async def test_each_required_field_is_asked_for_and_what_comes_of_it_is_said(desk):
    assert await desk.says("/kb note") == ""
    ((first, text),) = desk.prompts
    assert text.splitlines() == [
        "@Mo **`A question and its answer`**",
        "`Question`: reply to this message with it.",
        "`/stop` ends this.",
    ]
    assert await desk.says(QUESTION, to=first) == ""
    _, (second, text) = desk.prompts
    assert text == "@Mo `Answer`: reply to this message with it."
    assert (await desk.says(ANSWER, to=second)).startswith("Noted")
    assert await desk.hall.documents() == ["Who feeds the sharks.note"]


async def test_what_is_empty_or_too_long_is_asked_for_again(desk):
    await desk.says("/kb note")
    ((first, _),) = desk.prompts
    assert "300 letters at most" in await desk.says("x" * 301, to=first)
    assert "words" in await desk.says("  ", to=first)
    await desk.says(QUESTION, to=first)
    assert len(desk.prompts) == 2


async def test_an_edited_reply_changes_what_was_written(desk):
    await desk.says("/kb note")
    ((first, _),) = desk.prompts
    await desk.says("Who feds?", to=first, message_id="a")
    assert await desk.says(QUESTION, to=first, message_id="a") == ""
    _, (second, _) = desk.prompts
    assert QUESTION in await desk.says(ANSWER, to=second)
    # When it is sent off, nothing changes it any more.
    assert "begin again" in await desk.says("Who else?", to=first, message_id="a")


async def test_replies_of_others_are_not_what_was_asked_for(desk):
    await desk.says("/kb note")
    ((first, _),) = desk.prompts
    assert await desk.says("I do!", OTHER, to=first) == "You asked: I do!"
    await desk.says(QUESTION, to=first)
    assert len(desk.prompts) == 2


async def test_stop_and_time_end_it(desk):
    await desk.says("/kb note")
    ((first, _),) = desk.prompts
    assert "Nobody waits" in await desk.says("/stop", to=first)
    assert "begin again" in await desk.says(QUESTION, to=first)
    assert await desk.says("/stop") == "There is no answer to stop."
    await desk.says("/kb note")
    desk.hall.now += OPEN_SECONDS + 1
    assert "begin again" in await desk.says(QUESTION, to=desk.prompts[-1][0])


async def test_who_is_quicker_than_our_own_note_of_what_we_asked_is_heard(desk, monkeypatch):
    shown, noted, ask = asyncio.Event(), asyncio.Event(), desk.outbox.ask

    async def slow(*args, **facts):
        prompt = await ask(*args, **facts)
        shown.set()
        await noted.wait()
        return prompt

    monkeypatch.setattr(desk.outbox, "ask", slow)
    begun = asyncio.create_task(desk.says("/kb note"))
    await shown.wait()
    stopping = asyncio.create_task(desk.says("/stop"))
    await asyncio.wait([stopping], timeout=0.1)
    noted.set()
    assert "Nobody waits" in await stopping
    assert await begun == ""


async def test_who_may_not_give_the_command_is_not_asked(desk):
    assert "Only moderators" in await desk.says("/kb note", MEMBER)
    assert desk.prompts == []
    await desk.says("/kb note")
    ((first, _),) = desk.prompts
    demoted = Author(MODERATOR.user_id, "Mo")
    await desk.says(QUESTION, demoted, to=first)
    assert "Only moderators" in await desk.says(ANSWER, demoted, to=desk.prompts[-1][0])
    assert await desk.hall.documents() == []


async def test_chinese_is_an_equal(desk):
    await desk.says("/kb note")
    ((first, _),) = desk.prompts
    await desk.says("谁来喂鲨鱼？", to=first)
    _, (second, _) = desk.prompts
    assert "谁来喂鲨鱼？" in await desk.says("老王，六点。", to=second)
