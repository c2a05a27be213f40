"""What a bot's owner may switch on at Discord: tests that take it run with and without."""

from __future__ import annotations

import pytest

MENTIONS: tuple[str, ...] = ()
CONTENT: tuple[str, ...] = ("message_content",)


@pytest.fixture(params=[MENTIONS, CONTENT], ids=["mentions", "content"])
def privileged(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The privileged intents of a local Discord: none, as by default, then message content.

    `serving` sets the bot up accordingly. Every test on Discord takes it, except where the
    difference cannot matter: what is about one of the two, load, raids, documents that give orders.
    """
    chosen: tuple[str, ...] = request.param
    return chosen
