"""A real model reads a document through: the bundled one, taken for one of an operator's own."""

from __future__ import annotations

import re

import pytest

from core.engines.llama_cpp import LlamaCppEngine, bundled_model
from core.replies import Finished
from core.settings import EngineSettings
from tests.support.messages import group
from tests.support.reading_room import open_room
from tests.support.smollm2 import needs_smollm2

GARDEN = """The garden of Vessaby lies behind the town hall and is open to everybody.

The north gate opens at 7 in the morning and is closed at 9 in the evening by the warden.

Dogs may come in on a lead. Bicycles are left at the rack beside the north gate.

The rose house costs 4 crowns for adults. Children under twelve go in free of charge.

In winter the pond is drained, and the benches are brought into the shed behind the hall."""


@pytest.fixture
async def engine():
    needs_smollm2()
    settings = EngineSettings(model=str(bundled_model()), context_window=512, max_concurrent=1)
    engine = await LlamaCppEngine.load(settings, 1)
    yield engine
    await engine.aclose()


async def test_what_it_says_of_each_part_is_held_against_the_part(tmp_path, engine):
    async with open_room(tmp_path) as room:
        await room.put("shared", "garden.md", GARDEN)
        heard = await room.ask(group("list all rules in garden.md"), engine, reading_parts=2)
        assert heard.progress[-1] == (2, 2)
        assert heard.text.strip()
        numbers = {int(n) for n in re.findall(r"\[(\d+)\]", heard.text)}
        assert numbers == {number for number, _name, _text in heard.cited}
        assert all(name == "garden.md" for _number, name, _text in heard.cited)
        # Whatever it made up: a number that the garden does not have is not told.
        told = re.sub(r"\[\d+\]|`[^`]*`", "", heard.text)
        assert set(re.findall(r"\d+", told)) <= {"7", "9", "4"}, heard.text
        assert isinstance(heard.events[-1], Finished)
        assert room.queues[-2].queue.load.busy == 0
