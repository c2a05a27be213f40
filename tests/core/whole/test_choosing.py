"""Which documents are meant is found out without keeping anybody waiting."""

from __future__ import annotations

import threading

import pytest

from core.whole import choosing
from tests.support.messages import group
from tests.support.reading_room import open_room


@pytest.fixture
async def room(tmp_path):
    async with open_room(tmp_path) as room:
        yield room


async def test_names_are_held_against_words_off_the_loop_and_not_for_every_reading(
    room, monkeypatch
):
    await room.book("garden.md", 2)
    compared: list[int] = []
    before = choosing.fitting

    def fitting(words, *rest):
        compared.append(threading.get_ident())
        return before(words, *rest)

    monkeypatch.setattr(choosing, "fitting", fitting)
    await room.ask(group("list all x" + " in abc" * 20))
    assert threading.get_ident() not in compared
    assert 0 < len(compared) <= 12
