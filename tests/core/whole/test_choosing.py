"""Which documents are meant is found out without keeping anybody waiting."""

from __future__ import annotations

import threading

import pytest

from core.whole import meaning
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
    before = meaning.fitting

    def fitting(words, *rest):
        compared.append(threading.get_ident())
        return before(words, *rest)

    monkeypatch.setattr(meaning, "fitting", fitting)
    await room.ask(group("list all x" + " in abc" * 20))
    assert threading.get_ident() not in compared
    assert 0 < len(compared) <= 12


async def test_what_any_file_may_be_called_is_the_one_that_bears_it_as_its_name(room):
    await room.book("book.txt", 2)
    await room.book("garden.md", 3)
    heard = await room.ask(group("give me an outline of the book"))
    assert {name for _number, name, _text in heard.cited} == {"book.txt"}
    asked_back = await room.ask(group("give me an outline of the file", "2", user="ben"))
    assert asked_back.text.startswith("Which document do you mean?")
