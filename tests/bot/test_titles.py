from __future__ import annotations

import pytest

from bot.settings import Config
from bot.titles import find_called, titles_of
from core.database import Database
from core.events import Place
from core.language import words
from core.sightings import Sightings
from knowledge_base.errors import NoSuchBaseError
from tests.support.libraries import open_library
from tests.support.places import posted, said

EN = words("en")
NAMES = (
    "shared", "handbook", "discord:town", "discord:restricted:town", "discord:server:s1",
    "telegram:-100", "telegram:@7", "discord:unseen",
)  # fmt: skip


@pytest.fixture
async def library(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        sightings = Sightings(database)
        await sightings.saw(said("town", place=Place("plaza", "Spain")))
        await sightings.saw(posted("-100"))
    async with open_library(tmp_path) as library:
        for name in NAMES:
            await library.ensure_base(name)
        yield library


async def test_bases_are_called_what_people_call_them(library, tmp_path):
    titles = await titles_of(Config(data_dir=tmp_path), await library.bases(), EN)
    assert titles == {
        "shared": "shared",
        "handbook": "handbook",
        "discord:town": "Spain / plaza (discord)",
        "discord:restricted:town": "Spain / plaza, what fewer can see (discord)",
        "discord:server:s1": "Spain (discord)",
        "telegram:-100": "-100 (telegram)",
        "telegram:@7": "a member's own documents: telegram:7",
        "discord:unseen": "unseen (discord)",
    }


@pytest.mark.parametrize("called", ["discord:town", "spain / PLAZA (discord)"])
async def test_a_base_is_found_by_its_name_and_by_what_people_call_it(library, tmp_path, called):
    found = await find_called(Config(data_dir=tmp_path), library, called, EN)
    assert found.name == "discord:town"


async def test_what_nobody_calls_so_is_not_found(library, tmp_path):
    with pytest.raises(NoSuchBaseError):
        await find_called(Config(data_dir=tmp_path), library, "plaza", EN)
