"""What is noted of replies and deliveries."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from core import tracing
from core.counted_outbox import CountedOutboxes
from core.errors import ChannelGoneError, DeliveryRateLimitedError, ForbiddenError
from core.events import Platform
from core.metering import metered
from core.meters import Delivered, FirstWord, Measured, Replied, Several
from core.replies import Failed, Finished, Notice, Sources, TextDelta
from tests.support.messages import conversation, private
from tests.support.recording_outbox import RecordingOutbox

ANSWER = (TextDelta("Paris"), TextDelta("."), Sources(()), Finished("stop"))


class Notes:
    """Keeps what it is told."""

    def __init__(self):
        self.all: list[Measured] = []

    def note(self, measured: Measured) -> None:
        self.all.append(measured)


class Said:
    """A reply of given events; each takes a second of a clock that stands still otherwise."""

    def __init__(self, *events):
        self.now = 0.0
        self.events = events

    async def reply(self, message, stop):
        for event in self.events:
            self.now += 1
            yield event

    async def noted(self, take: int = 99) -> list[Measured]:
        notes = Notes()
        reply = metered(self.reply, notes, lambda: self.now)
        async with aclosing(reply(private("Where?"), lambda *_: 0)) as events:
            async for _ in events:
                take -= 1
                if not take:
                    break
        return notes.all


async def test_an_answers_first_word_and_end_are_noted():
    said = Said(Notice("a remark"), *ANSWER)
    surface = private("Where?").conversation.channel.platform
    assert await said.noted() == [FirstWord(surface, 2.0), Replied(surface, "answered", 5.0)]


@pytest.mark.parametrize(
    ("events", "outcome", "code"),
    [
        ((TextDelta("No."), Sources((), refused=True), Finished("stop")), "refused", ""),
        (
            (TextDelta("No."), Sources((), refused=True, unsaid=True), Finished("stop")),
            "unsaid",
            "",
        ),
        ((TextDelta("Removed."), Finished("stop")), "command", ""),
        ((Failed("full", code="queue_full"),), "failed", "queue_full"),
        ((Failed("oh", "A1B2C3"),), "failed", "unexpected"),
        ((TextDelta("Par"), Finished("cancelled")), "stopped", ""),
    ],
)
async def test_every_end_has_its_name(events, outcome, code):
    last = (await Said(*events).noted())[-1]
    assert isinstance(last, Replied)
    assert (last.outcome, last.code) == (outcome, code)


async def test_who_leaves_early_has_stopped_it():
    last = (await Said(*ANSWER).noted(take=1))[-1]
    assert isinstance(last, Replied)
    assert last.outcome == "stopped"


async def test_a_message_that_is_not_for_us_is_not_noted():
    assert await Said().noted() == []


async def test_what_platforms_take_and_refuse_is_counted_by_platform():
    notes, outbox = Notes(), RecordingOutbox()
    held = {}
    CountedOutboxes(held, Several(notes))[Platform.DISCORD] = outbox
    counted = held[Platform.DISCORD]
    here = conversation()
    message_id = await counted.send(here, "Hello")
    await counted.edit(here, message_id, "Hello!")
    assert outbox.transcript.count("Hello!") == 1
    for error, outcome in (
        (DeliveryRateLimitedError(here, 3), "limited"),
        (ForbiddenError(here), "forbidden"),
        (ChannelGoneError(here), "gone"),
    ):
        outbox.refuse("send", error)
        with pytest.raises(type(error)):
            await counted.send(here, "x")
        assert notes.all[-1] == Delivered(Platform.DISCORD, "send", outcome)
    assert [one.call for one in notes.all[:2]] == ["send", "edit"]


async def test_each_reply_has_its_own_reference_in_all_that_it_begins():
    seen = {}

    async def work(name: str) -> None:
        trace = tracing.begin(conversation(), name)
        await asyncio.gather(asyncio.create_task(inner(name)))
        assert tracing.reference() == trace.reference

    async def inner(name: str) -> None:
        trace = tracing.current()
        assert trace is not None
        seen[name] = trace

    await asyncio.gather(asyncio.create_task(work("1")), asyncio.create_task(work("2")))
    assert seen["1"].message_id == "1"
    assert seen["1"].reference != seen["2"].reference
    assert tracing.current() is None
