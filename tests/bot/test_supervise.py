"""A platform that comes and goes, refuses, or breaks."""

import asyncio

import pytest

from bot import supervise
from bot.supervise import Surface
from core.events import Platform
from core.ports import BadTokenError, UnreachableError
from tests.support.recording_outbox import RecordingOutbox
from tests.support.scripted_inbox import ScriptedInbox


class Flaky:
    """A listener that follows a script of errors; None: it stays."""

    def __init__(self, entering=None, listening=None):
        self.outbox = RecordingOutbox()
        self.log = []
        self.listening = asyncio.Event()
        self.deaf = asyncio.Event()
        self._entering, self._listening = entering, listening

    async def __aenter__(self):
        self.log.append("in")
        if self._entering is not None:
            raise self._entering
        return self

    async def __aexit__(self, *error):
        self.log.append("out")

    async def listen(self, inbox):
        self.log.append("listen")
        self.listening.set()
        if self._listening is not None:
            raise self._listening
        try:
            await asyncio.Event().wait()
        finally:
            self.log.append("deaf")
            self.deaf.set()

    async def refetch(self, message):
        return message


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(supervise, "FIRST_PAUSE_SECONDS", 0.0)


def surface(*listeners):
    left, resumed, outboxes = list(listeners), [], {}

    async def resume(platform):
        resumed.append(platform)

    made = Surface(Platform.DISCORD, lambda: left.pop(0), ScriptedInbox(()), outboxes, resume)
    return made, outboxes, resumed


async def test_what_is_owed_is_resumed_before_anything_is_heard():
    listener = Flaky()
    made, outboxes, resumed = surface(listener)
    async with made:
        assert await made.standing(5) == "on"
        assert (outboxes, resumed) == ({Platform.DISCORD: listener.outbox}, [Platform.DISCORD])
    assert listener.log == ["in", "listen", "deaf", "out"]


async def test_deaf_comes_before_closed():
    listener = Flaky()
    made, _, _ = surface(listener)
    async with made:
        await made.standing(5)
        made.deafen()
        await listener.deaf.wait()
        assert "out" not in listener.log
    assert listener.log[-1] == "out"


async def test_silence_waits_until_what_was_heard_is_handed_in():
    class Late(Flaky):
        async def listen(self, inbox):
            try:
                await super().listen(inbox)
            finally:
                await asyncio.sleep(0)
                self.log.append("handed in")

    listener = Late()
    made, _, _ = surface(listener)
    async with made:
        await made.silence()  # nothing is heard yet, and nothing to be waited for
    made, _, _ = surface(listener)
    async with made:
        await listener.listening.wait()
        await made.silence()
        assert listener.log[-1] == "handed in"
    assert listener.log[-1] == "out"


async def test_a_bad_token_switches_the_surface_off_and_nothing_else(caplog):
    made, outboxes, _ = surface(Flaky(entering=BadTokenError()))
    async with made:
        assert await made.standing(5) == "off (bad token)"
        assert outboxes == {}
    assert "does not take the token" in caplog.text


async def test_a_platform_that_is_away_is_tried_again():
    back = Flaky()
    made, _, resumed = surface(
        Flaky(entering=UnreachableError("no route")),
        Flaky(listening=UnreachableError("gone")),
        back,
    )
    async with made:
        await back.listening.wait()
        assert await made.standing(5) == "on"
        assert len(resumed) == 2


async def test_a_defect_of_a_listener_is_told_and_ends_its_surface_alone(caplog):
    listener = Flaky(listening=ValueError("defect"))
    made, _, _ = surface(listener)
    async with made:
        await listener.listening.wait()
    assert await made.standing(5) == "off (failed, see the log)"
    assert listener.log[-1] == "out"
    assert "defect" in caplog.text


async def test_it_can_be_closed_while_the_platform_is_away():
    made, _, _ = surface(*[Flaky(entering=UnreachableError("no route")) for _ in range(100)])
    async with made:
        assert await made.standing(5) == "away"
