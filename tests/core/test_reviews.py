from __future__ import annotations

import os

import pytest

from core.database import Database
from core.errors import NoLongerOpenError
from core.events import MessageRef
from core.reviews import HeldFile, Reviews
from tests.support.messages import conversation


@pytest.fixture
async def reviews(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        yield Reviews(database, tmp_path / "reviews")


def files(folder, *names: str) -> list[HeldFile]:
    given = []
    for name in names:
        path = folder / f"given-{len(given)}"
        path.write_text(f"text of {name}", encoding="utf-8")
        given.append(HeldFile(name, path.stat().st_size, "text of", path))
    return given


async def test_what_is_held_waits_with_its_files_until_it_is_decided(reviews, tmp_path):
    given = files(tmp_path, "a.md", "../../手册.md")
    held = await reviews.hold("discord:town", "Ada", "discord:ada", given)
    for file in given:
        file.path.unlink()
    (found,) = await reviews.waiting("discord:town")
    assert found == held
    assert [file.path.read_text(encoding="utf-8") for file in found.files] == [
        "text of a.md",
        "text of ../../手册.md",
    ]
    assert all(file.path.is_relative_to(tmp_path / "reviews") for file in found.files)
    assert await reviews.close(found)
    assert not await reviews.close(found)
    assert await reviews.waiting("discord:town") == ()
    assert list((tmp_path / "reviews").iterdir()) == []


async def test_what_waits_for_one_base_is_not_open_to_another(reviews, tmp_path):
    held = await reviews.hold("discord:town", "Ada", "discord:ada", files(tmp_path, "a.md"))
    assert await reviews.waiting("discord:other") == ()
    with pytest.raises(NoLongerOpenError):
        await reviews.open(held.token, ("discord:other",))
    assert await reviews.open(held.token, ("discord:town",)) == held


async def test_only_the_very_card_that_shows_it_leads_to_it(reviews, tmp_path):
    origin, card = MessageRef(conversation(), "1"), MessageRef(conversation("office"), "c1")
    given = files(tmp_path, "a.md")
    held = await reviews.hold("discord:town", "Ada", "discord:ada", given, origin)
    bare = await reviews.hold("discord:town", "Ada", "discord:ada", given)
    assert await reviews.behind(held.token, card) is None
    await reviews.carded(held, card)
    found = await reviews.behind(held.token, card)
    assert (found.token, found.origin, found.card) == (held.token, origin, card)
    for other in (MessageRef(conversation("office"), "c2"), MessageRef(conversation("town"), "c1")):
        assert await reviews.behind(held.token, other) is None
    assert await reviews.behind(bare.token, card) is None


async def test_files_of_a_process_that_died_are_swept_and_those_that_wait_stay(reviews, tmp_path):
    held = await reviews.hold("discord:town", "Ada", "discord:ada", files(tmp_path, "a.md"))
    left = tmp_path / "reviews" / "left"
    left.mkdir()
    fresh = tmp_path / "reviews" / "fresh"
    fresh.mkdir()
    for folder in (left, tmp_path / "reviews" / held.token):
        os.utime(folder, (0, 0))
    await reviews.sweep()
    assert not left.exists()
    assert fresh.exists()
    assert held.files[0].path.exists()


async def test_a_file_that_cannot_be_copied_leaves_nothing(reviews, tmp_path):
    given = [*files(tmp_path, "a.md"), HeldFile("b.md", 1, "", tmp_path / "missing")]
    with pytest.raises(FileNotFoundError):
        await reviews.hold("discord:town", "Ada", "discord:ada", given)
    assert await reviews.waiting("discord:town") == ()
    assert list((tmp_path / "reviews").iterdir()) == []
