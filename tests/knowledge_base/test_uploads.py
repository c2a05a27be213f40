"""What paths name: folders in order, archives opened up, nothing hidden, nothing outside."""

from __future__ import annotations

import os
import unicodedata
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge_base.errors import RejectedDocumentError, UnsafeArchiveError
from knowledge_base.library import Library
from knowledge_base.models import Upload
from knowledge_base.settings import KnowledgeSettings
from knowledge_base.uploads import composed


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    """With the real worker process: archives are opened there."""
    async with Library.open(tmp_path / "data", None, KnowledgeSettings()) as opened:
        yield opened


async def names(library: Library, *paths: Path) -> list[str]:
    found = []
    async with library.uploads(paths, "somebody", "chat:7") as uploads:
        async for upload in uploads:
            if isinstance(upload, RejectedDocumentError):
                found.append(f"{type(upload).__name__} {upload.name}")
            else:
                assert upload.path.is_file()
                assert (upload.uploader, upload.uploader_id) == ("somebody", "chat:7")
                found.append(upload.name)
    return found


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/") + ".txt", text)
    return path


async def test_a_folder_gives_its_files_in_order_by_their_path_inside_it(
    library: Library, tmp_path: Path
) -> None:
    folder = tmp_path / "some folder 中文"
    for name in ("b.txt", "a/z.txt", "a/ä.txt", ".hidden", ".git/config", "a/.secret/x.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "within.txt").symlink_to(folder / "b.txt")
    assert await names(library, folder) == ["a/z.txt", "a/ä.txt", "b.txt", "within.txt"]


async def test_a_single_file_goes_by_its_own_name(library: Library, tmp_path: Path) -> None:
    path = tmp_path / unicodedata.normalize("NFD", "Café.txt")
    path.write_text("x")
    missing = tmp_path / "missing.txt"
    found = []
    async with library.uploads([path, missing]) as uploads:
        async for upload in uploads:
            assert isinstance(upload, Upload)
            found.append(upload.name)
    assert found == [unicodedata.normalize("NFC", "Café.txt"), "missing.txt"]


async def test_an_archive_gives_its_members(library: Library, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "some.zip", one="1", sub__two="2")
    assert await names(library, archive) == ["one.txt", "sub/two.txt"]
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    zipped(folder / "inner.zip", three="3")
    assert await names(library, folder) == ["a.txt", "inner.zip/three.txt"]
    assert list((tmp_path / "data" / "originals" / "staging").iterdir()) == []


async def test_an_archive_that_is_rejected_is_told_and_the_rest_goes_on(
    library: Library, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("../evil.txt", "x")
    (tmp_path / "good.txt").write_text("x")
    assert await names(library, bad, tmp_path / "good.txt") == [
        f"{UnsafeArchiveError.__name__} bad.zip",
        "good.txt",
    ]
    assert not (tmp_path / "evil.txt").exists()


async def test_what_an_archive_held_is_gone_when_the_context_is_left(
    library: Library, tmp_path: Path
) -> None:
    archive = zipped(tmp_path / "some.zip", one="1", two="2")
    async with library.uploads([archive]) as uploads:
        first = await anext(uploads)
        assert isinstance(first, Upload)
        assert first.path.is_file()
    assert not first.path.exists()
    assert list((tmp_path / "data" / "originals" / "staging").iterdir()) == []


async def test_what_an_archive_held_is_there_until_the_context_is_left(
    library: Library, tmp_path: Path
) -> None:
    archive = zipped(tmp_path / "some.zip", one="1", two="2")
    async with library.uploads([archive]) as uploads:
        held = [upload async for upload in uploads]
        assert all(isinstance(upload, Upload) and upload.path.is_file() for upload in held)


async def test_what_an_archive_held_is_as_old_as_the_archive(
    library: Library, tmp_path: Path
) -> None:
    archive = zipped(tmp_path / "some.zip", one="1", sub__two="2")
    os.utime(archive, ns=(5 * 10**18, 10**18))
    async with library.uploads([archive]) as uploads:
        held = [upload async for upload in uploads]
        times = [upload.path.stat().st_mtime_ns for upload in held if isinstance(upload, Upload)]
    assert times == [10**18, 10**18]


async def test_a_name_that_is_no_utf8_is_written_out(library: Library, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    try:
        path.write_text("x")
    except OSError:
        pytest.skip("this file system knows text alone")
    assert await names(library, path) == [r"caf\xe9.txt"]
    assert composed("lone \ud800") == r"lone \ud800"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
async def test_pipes_and_devices_are_refused_and_never_read(library, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder" / "pipe")
    (tmp_path / "folder" / "a.txt").write_text("a")
    (tmp_path / "link").symlink_to("/dev/zero")
    paths = [tmp_path / "pipe", Path("/dev/zero"), tmp_path / "link", tmp_path / "folder"]
    assert await names(library, *paths) == [
        "NoRegularFileError pipe",
        "NoRegularFileError zero",
        "NoRegularFileError link",
        "a.txt",
    ]
