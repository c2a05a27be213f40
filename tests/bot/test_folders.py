"""Bases that follow folders."""

from __future__ import annotations

import asyncio
import time
import zipfile

from bot import renames
from bot.folders import AGAIN_SECONDS, FollowedFolders
from core.language import words
from knowledge_base.errors import EmbeddingUnavailableError
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import open_library
from tests.support.plain_reader import PICTURED, Unzipping


async def follow(library, folder):
    await FollowedFolders(library, {"notes": folder}, words("en")).follow_all()
    base = await library.base("notes")
    return {document.name: document.version for document in await library.documents(base.base_id)}


async def test_what_is_in_the_folder_is_in_the_base(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("The bakery opens at seven.")
    (folder / "b.txt").write_text("The lighthouse was lit in 1887.")
    async with open_library(tmp_path / "data") as library:
        assert await follow(library, folder) == {"a.txt": 1, "b.txt": 1}
        (folder / "a.txt").write_text("The bakery opens at eight.")
        (folder / "b.txt").unlink()
        assert await follow(library, folder) == {"a.txt": 2}


async def test_a_file_that_goes_while_the_folder_is_read_keeps_nobody_from_starting(
    tmp_path, monkeypatch
):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("The bakery opens at seven.")
    async with open_library(tmp_path / "data") as library:
        await follow(library, folder)
        check = renames.sha256_of

        def too_late(path, sizes):
            path.unlink(missing_ok=True)
            return check(path, sizes)

        monkeypatch.setattr(renames, "sha256_of", too_late)
        assert await follow(library, folder) == {"a.txt": 1}


async def test_how_a_folder_was_found_is_told_and_what_was_wrong_until_it_is_mended(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("The bakery opens at seven.")
    (folder / "empty.txt").write_text("")
    async with open_library(tmp_path / "data") as library:
        elsewhere = tmp_path / "elsewhere"
        followed = FollowedFolders(library, {"notes": folder, "more": elsewhere}, words("en"))
        assert [state.looked_at for state in await followed.states()] == [None, None]
        await followed.follow_all()
        notes, more = await followed.states()
        assert notes.is_there
        assert notes.looked_at is not None
        assert [remark.partition(":")[0] for remark in notes.remarks] == ["empty.txt"]
        assert not more.is_there
        (folder / "empty.txt").write_text("It closes at five.")
        await followed.follow_all()
        assert (await followed.states())[0].remarks == ()
        (folder / "nothing.txt").write_text("")
        await followed.follow_all()
        assert len((await followed.states())[0].remarks) == 1
        (folder / "nothing.txt").unlink()
        await followed.follow_all()
        assert (await followed.states())[0].remarks == ()


async def test_what_is_wrong_with_a_folder_is_told_in_the_operators_language(tmp_path):
    notes, gone = tmp_path / "notes", tmp_path / "gone"
    notes.mkdir()
    (notes / "a.txt").write_text("It opens at nine.")
    async with open_library(tmp_path / "data") as library:
        followed = FollowedFolders(library, {"notes": notes, "gone": gone}, words("zh"))
        await followed.follow_all()
        (notes / "a.txt").unlink()
        await followed.follow_all()
        remarks = [state.remarks for state in await followed.states()]
    assert remarks == [
        (f"{notes} 是空的，可能没有挂载；原有的文档保留（1 份）",),
        (f"没有文件夹 {gone}；其中的文档保留",),
    ]


async def test_what_lay_in_an_archive_stays_while_that_cannot_be_opened(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()

    def pack(text):
        with zipfile.ZipFile(folder / "old.zip", "w") as archive:
            archive.writestr("灯塔.txt", text)

    pack("The lighthouse was lit in 1887.")
    (folder / "a.txt").write_text("The bakery opens at seven.")
    async with open_library(tmp_path / "data", reader=Unzipping()) as library:
        followed = FollowedFolders(library, {"notes": folder}, words("en"))
        await followed.follow_all()
        base = (await library.base("notes")).base_id

        async def held():
            return {d.name: d.version for d in await library.documents(base)}

        assert await held() == {"a.txt": 1, "old.zip/灯塔.txt": 1}
        whole = (folder / "old.zip").read_bytes()
        (folder / "old.zip").write_bytes(whole[:40])  # half of it is copied
        await followed.follow_all()
        assert await held() == {"a.txt": 1, "old.zip/灯塔.txt": 1}
        assert len((await followed.states())[0].remarks) == 1
        pack("The lighthouse was lit in 1888.")
        await followed.follow_all()
        assert await held() == {"a.txt": 1, "old.zip/灯塔.txt": 2}
        assert (await followed.states())[0].remarks == ()
        (folder / "old.zip").unlink()
        await followed.follow_all()
        assert await held() == {"a.txt": 1}


async def test_an_archive_that_is_being_written_is_waited_for_and_not_told_as_broken(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "old.zip").write_bytes(b"PK\x03\x04")
    async with open_library(tmp_path / "data", reader=Unzipping()) as library:
        now = time.time() + 1
        followed = FollowedFolders(
            library, {"notes": folder}, words("en"), settle_seconds=5.0, clock=lambda: now
        )
        assert await followed.look_through() == ("notes",)
        assert (await followed.states())[0].remarks == ()
        now += 60
        assert await followed.look_through() == ()
        assert len((await followed.states())[0].remarks) == 1


async def test_a_file_that_could_not_be_stored_is_behind_and_tried_again(tmp_path):
    class Down(HashEmbedder):
        """An embedder on a server that is away for a while."""

        away = True

        async def embed_documents(self, given):
            if self.away:
                raise EmbeddingUnavailableError(self.name)
            return await super().embed_documents(given)

    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("The bakery opens at seven.")
    embedder, now = Down(), time.time() + 60
    async with open_library(tmp_path / "data", embedder) as library:
        followed = FollowedFolders(library, {"notes": folder}, words("en"), clock=lambda: now)
        assert await followed.look_through() == ("notes",)
        base = (await library.base("notes")).base_id
        async with followed.watching():
            for _look in range(2):
                assert await library.documents(base) == ()
                (remark,) = (await followed.states())[0].remarks
                assert remark.startswith("a.txt: ")
            embedder.away = False
            now += AGAIN_SECONDS + 1
            async with asyncio.timeout(60):
                while not await library.documents(base):  # noqa: ASYNC110 - the watcher says when
                    await asyncio.sleep(0.05)
        assert await followed.look_through() == ()
        assert (await followed.states())[0].remarks == ()


async def test_pages_that_could_not_be_read_are_logged_and_told_until_they_can(tmp_path, caplog):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "plan.txt").write_text(f"The bakery opens at seven.\n\n{PICTURED}")
    async with open_library(tmp_path / "data") as library:
        followed = FollowedFolders(library, {"notes": folder}, words("en"))
        await followed.follow_all()
        told = "Page 2 is a picture and was not read"
        assert told in caplog.text
        (state,) = await followed.states()
        assert [remark.partition(":")[0] for remark in state.remarks] == ["plan.txt"]
        assert told in state.remarks[0]
        (folder / "plan.txt").write_text("The bakery opens at seven.\n\nThe map of the bakery.")
        await followed.follow_all()
        assert (await followed.states())[0].remarks == ()


async def test_a_file_that_says_what_another_says_is_its_own_document_when_that_one_is_gone(
    tmp_path, monkeypatch
):
    folder = tmp_path / "notes"
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(f"The bakery of {name} opens at seven.")
    async with open_library(tmp_path / "data") as library:
        followed = FollowedFolders(library, {"notes": folder}, words("en"))
        base = await library.ensure_base("notes")

        async def held():
            await followed.follow_all()
            found = await library.documents(base.base_id)
            return [document.name for document in found]

        assert await held() == ["a.txt", "b.txt"]
        (folder / "b.txt").write_text((folder / "a.txt").read_text())
        assert await held() == ["a.txt"]
        added = []
        add = library.add
        monkeypatch.setattr(
            library, "add", lambda *given: added.append(given[1].name) or add(*given)
        )
        # It is not looked at again for as long as nothing changes.
        assert (await held(), added) == (["a.txt"], [])
        (folder / "a.txt").unlink()
        assert (await held(), added) == (["b.txt"], [])


async def test_a_file_and_its_copy_that_part_at_once_are_both_there(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("The bakery opens at seven.")
    async with open_library(tmp_path / "data") as library:
        followed = FollowedFolders(library, {"notes": folder}, words("en"), settle_seconds=0.0)
        assert await followed.look_through() == ()
        (folder / "a.txt").write_text("The bakery opens at eight.")
        while await followed.look_through():
            pass
        base = await library.ensure_base("notes")
        found = await library.documents(base.base_id)
        assert {document.name for document in found} == {"a.txt", "b.txt"}
