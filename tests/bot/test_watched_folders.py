from __future__ import annotations

import asyncio
import logging
import os
import zipfile
from contextlib import asynccontextmanager

import pytest

from bot.folders import FollowedFolders
from core.language import words
from tests.support.libraries import add_text, open_library
from tests.support.plain_reader import Unzipping

PATIENCE = 100.0


@asynccontextmanager
async def watched(tmp_path, folder, reader=None, **how):
    """A library whose base `notes` follows the folder, and a wait for what it should hold."""
    async with open_library(tmp_path / "data", reader=reader) as library:
        folders = FollowedFolders(
            library, {"notes": folder}, words("en"), **{"settle_seconds": 0.05, **how}
        )
        await folders.follow_all()

        async def held():
            base = await library.ensure_base("notes")
            return {d.name: d.version for d in await library.documents(base.base_id)}

        async def becomes(wanted):
            async with asyncio.timeout(PATIENCE):
                while await held() != wanted:  # noqa: ASYNC110 - the system says when
                    await asyncio.sleep(0.02)

        async with folders.watching():
            yield becomes, held


async def logged(caplog, text):
    async with asyncio.timeout(PATIENCE):
        while text not in caplog.text:  # noqa: ASYNC110 - the system says when
            await asyncio.sleep(0.02)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "notes"
    place.mkdir()
    (place / "a.txt").write_text("The bakery opens at seven.")
    return place


async def test_what_lies_in_an_archive_follows_too(tmp_path, folder):
    """It is unpacked anew at each look, and is no younger for that."""

    def pack(**members):
        with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
            for name, text in members.items():
                archive.writestr(f"{name}.txt", text)
        (tmp_path / "new.zip").replace(folder / "old.zip")

    async with watched(tmp_path, folder, Unzipping(), settle_seconds=1.0) as (becomes, _held):
        pack(lamp="The lighthouse was lit in 1887.", 渡轮="渡轮九点开。")
        await becomes({"a.txt": 1, "old.zip/lamp.txt": 1, "old.zip/渡轮.txt": 1})
        pack(lamp="The lighthouse was lit in 1888.", 渡轮="渡轮九点开。")
        await becomes({"a.txt": 1, "old.zip/lamp.txt": 2, "old.zip/渡轮.txt": 1})
        (folder / "old.zip").unlink()
        await becomes({"a.txt": 1})


async def test_files_added_changed_renamed_and_removed_follow(tmp_path, folder):
    async with watched(tmp_path, folder) as (becomes, _held):
        await becomes({"a.txt": 1})
        (folder / "sub").mkdir()
        (folder / "sub" / "灯塔.txt").write_text("灯塔建于一八八八年。")
        await becomes({"a.txt": 1, "sub/灯塔.txt": 1})
        (folder / "a.txt").write_text("The bakery opens at eight, on Sundays at nine.")
        await becomes({"a.txt": 2, "sub/灯塔.txt": 1})
        (folder / "a.txt").rename(folder / "b.txt")
        await becomes({"b.txt": 2, "sub/灯塔.txt": 1})
        (folder / "sub" / "灯塔.txt").unlink()
        await becomes({"b.txt": 2})


async def test_a_thousand_at_once_all_arrive_and_go(tmp_path, folder):
    many = {f"many/{number:04}.txt": 1 for number in range(1000)}
    async with watched(tmp_path, folder) as (becomes, _held):
        (folder / "many").mkdir()
        for name in many:
            (folder / name).write_text(f"This is {name}.")
        await becomes({"a.txt": 1, **many})
        for name in many:
            (folder / name).unlink()
        await becomes({"a.txt": 1})


async def test_a_file_is_taken_when_it_is_no_longer_written(tmp_path, folder):
    now = [0.0]
    async with watched(tmp_path, folder, settle_seconds=10.0, clock=lambda: now[0]) as (
        becomes,
        _held,
    ):
        path = folder / "long.txt"
        path.write_text("The first half")
        now[0] = path.stat().st_mtime + 1
        (folder / "done.txt").write_text("This one is whole.")
        os.utime(folder / "done.txt", (now[0] - 60, now[0] - 60))
        await becomes({"a.txt": 1, "done.txt": 1})
        path.write_text("The first half and the second.")
        now[0] = path.stat().st_mtime + 11
        await becomes({"a.txt": 1, "done.txt": 1, "long.txt": 1})
        # Never half of it: it would be at its second version.


async def test_a_folder_that_vanishes_takes_nothing_with_it_and_is_followed_when_it_is_back(
    tmp_path, folder, caplog
):
    with caplog.at_level(logging.WARNING):
        async with watched(tmp_path, folder) as (becomes, held):
            folder.rename(tmp_path / "elsewhere")
            await logged(caplog, "its documents stay")
            assert await held() == {"a.txt": 1}
            (tmp_path / "elsewhere").rename(folder)
            (folder / "b.txt").write_text("It is back.")
            await becomes({"a.txt": 1, "b.txt": 1})
            (folder / "c.txt").write_text("And it is watched.")
            await becomes({"a.txt": 1, "b.txt": 1, "c.txt": 1})


async def test_an_empty_mount_point_takes_nothing_with_it(tmp_path, folder, caplog):
    with caplog.at_level(logging.WARNING):
        async with watched(tmp_path, folder) as (_becomes, held):
            (folder / "a.txt").unlink()
            await logged(caplog, "perhaps not mounted")
            assert await held() == {"a.txt": 1}


async def test_links_out_of_the_folder_are_not_followed(tmp_path, folder):
    (tmp_path / "secret.txt").write_text("The secret.")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.txt").write_text("Another secret.")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "linked").symlink_to(tmp_path / "outside")
    async with watched(tmp_path, folder) as (becomes, _held):
        (folder / "b.txt").write_text("This is in the folder.")
        await becomes({"a.txt": 1, "b.txt": 1})


async def test_a_restart_catches_up(tmp_path, folder):
    async with watched(tmp_path, folder) as (becomes, _held):
        await becomes({"a.txt": 1})
    (folder / "a.txt").rename(folder / "z.txt")
    (folder / "b.txt").write_text("It came while nobody looked.")
    async with watched(tmp_path, folder) as (_becomes, held):
        assert await held() == {"z.txt": 1, "b.txt": 1}


async def test_the_layout_of_chatglm_is_understood(tmp_path):
    place = tmp_path / "samples"
    for part in ("content", "vector_store"):
        (place / part).mkdir(parents=True)
    (place / "content" / "a.md").write_text("The text.")
    (place / "vector_store" / "index.txt").write_text("Not a document.")
    async with watched(tmp_path, place) as (_becomes, held):
        assert await held() == {"a.md": 1}


async def test_what_people_added_to_the_base_stays(tmp_path, folder):
    async with open_library(tmp_path / "data") as library:
        base = await library.ensure_base("notes")
        await add_text(library, base.base_id, tmp_path, "own.txt", "Added by hand.")
        await FollowedFolders(library, {"notes": folder}, words("en")).follow_all()
        names = {d.name for d in await library.documents(base.base_id)}
    assert names == {"own.txt", "a.txt"}
