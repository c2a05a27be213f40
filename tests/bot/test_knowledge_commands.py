"""What the `kb` commands print of files."""

from __future__ import annotations

import json

import pytest

from bot import knowledge_commands
from bot.settings import Config
from knowledge_base.errors import StorageFullError
from tests.support.libraries import open_library
from tests.support.plain_reader import PICTURED, PlainReader


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """A file with two pages that are pictures, for a library that reads plain text."""
    monkeypatch.setattr(
        knowledge_commands, "open_library", lambda _config: open_library(tmp_path / "data")
    )
    path = tmp_path / "plan.txt"
    path.write_text(f"The bakery opens at seven.\n\n{PICTURED}\n\n{PICTURED}")
    return path


async def test_pages_that_could_not_be_read_are_a_field_of_the_file_s_line(plan, capsys):
    config = Config(data_dir=plan.parent / "data")
    assert await knowledge_commands.add(config, "team", [str(plan), str(plan) + "x"], True) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["document"]: row["unread"] for row in rows} == {"plan.txt": [2, 3], "plan.txtx": []}


async def test_pages_that_could_not_be_read_are_named_to_people(plan, capsys):
    assert (
        await knowledge_commands.add(Config(data_dir=plan.parent), "team", [str(plan)], False) == 0
    )
    assert "Pages 2–3 are pictures and were not read" in " ".join(capsys.readouterr().out.split())


async def test_a_disk_that_gets_full_over_an_archive_is_one_error_and_what_is_under_way_ends(
    tmp_path, monkeypatch, capsys
):
    class Full(PlainReader):
        """Has no room for what archives hold."""

        async def extract(self, upload, destination):
            raise StorageFullError

    monkeypatch.setattr(
        knowledge_commands,
        "open_library",
        lambda _config: open_library(tmp_path / "data", reader=Full()),
    )
    (tmp_path / "plan.txt").write_text("The bakery opens at seven.")
    (tmp_path / "old.zip").write_bytes(b"PK")
    paths = [str(tmp_path / name) for name in ("plan.txt", "old.zip")]
    with pytest.raises(StorageFullError):
        await knowledge_commands.add(Config(data_dir=tmp_path / "data"), "team", paths, True)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["document"]: row["state"] for row in rows} == {"plan.txt": "added"}
