"""What the console offers to ask."""

from __future__ import annotations

import pytest

from bot.adapters.web.shelves import Shelves, usual
from bot.adapters.web.visitors import Visitor
from tests.support.commanding import open_hall
from tests.support.libraries import add_text

ANN = Visitor("ann", "operator")


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        yield hall


async def test_the_samples_are_asked_until_shared_holds_a_document(hall, tmp_path):
    shelves = Shelves(hall.library, hall.sightings)
    samples = await hall.library.ensure_base("samples")
    await add_text(hall.library, samples.base_id, tmp_path, "sample.md", "A sample.")
    assert usual(await shelves.all(ANN)) == ["shared", "samples"]
    shared = await hall.library.ensure_base("shared")
    await add_text(hall.library, shared.base_id, tmp_path, "own.md", "Our own.")
    assert usual(await shelves.all(ANN)) == ["shared"]
    # They can still be chosen.
    assert [shelf.name for shelf in await shelves.all(ANN)] == ["shared", "samples"]
