"""What the log tells of a failure, and what it does not."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from bot import logs
from bot.settings import LogSettings
from core import tracing
from core.events import ChannelRef, ConversationRef, Platform

ADDRESS = "https://api.example.org/bot123:secret"


@pytest.fixture(autouse=True)
def _as_before():
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    yield
    root.handlers[:], level = kept
    root.setLevel(level)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_tells_where_and_not_what_was_held_there(form, capsys):
    def fails(url: str) -> None:
        raise OSError("no route")

    logs.set_up(LogSettings(format=form))
    try:
        fails(ADDRESS)
    except OSError:
        logging.getLogger("bot").warning("not delivered", exc_info=True)
    written = capsys.readouterr().err
    assert "secret" not in written
    assert "fails" in written
    assert "no route" in written
    if form == "json":
        assert json.loads(written)["event"] == "not delivered"


async def test_every_line_of_a_reply_has_its_ids(capsys):
    logs.set_up(LogSettings(format="json"))
    here = ConversationRef(ChannelRef(Platform.DISCORD, "12"), "34")

    async def reply() -> str:
        trace = tracing.begin(here, "56")
        logging.getLogger("core").warning("something")
        await asyncio.create_task(deeper())
        return trace.reference

    async def deeper() -> None:
        logging.getLogger("core.engines").warning("something else")

    reference = await asyncio.create_task(reply())
    logging.getLogger("core").warning("outside")
    *within, outside = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["conversation"], line["message"], line["reference"]) for line in within] == [
        ("discord:12/34", "56", reference)
    ] * 2
    assert "reference" not in outside
