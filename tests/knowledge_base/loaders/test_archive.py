"""Zip archives: members as files, within limits, never outside."""

from __future__ import annotations

import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from knowledge_base.errors import (
    EmptyDocumentError,
    EncryptedDocumentError,
    LimitExceededError,
    RejectedDocumentError,
    UnreadableDocumentError,
    UnsafeArchiveError,
)
from knowledge_base.loaders.archive import extract
from knowledge_base.settings import ReaderLimits
from tests.support.documents import pack, zip_bytes

LIMITS = ReaderLimits()


def _extract(path: Path, limits: ReaderLimits = LIMITS) -> dict[str, bytes]:
    destination = path.parent / "out"
    destination.mkdir()
    members = extract(path, "batch.zip", limits, destination)
    assert all(member.path.parent == destination for member in members)
    assert len({member.path for member in members}) == len(members)
    return {member.name: member.path.read_bytes() for member in members}


def test_members_keep_their_paths_as_names(tmp_path: Path):
    inner = zip_bytes({"deep/c.txt": "c"})
    path = pack(
        tmp_path / "a.zip", {"a.txt": "a", "章节/b.md": "b", "more.zip": inner, "empty.txt": ""}
    )

    assert _extract(path) == {
        "a.txt": b"a",
        "章节/b.md": b"b",
        "more.zip/deep/c.txt": b"c",
        "empty.txt": b"",
    }


def test_hidden_files_and_what_systems_leave_behind_are_skipped(tmp_path: Path):
    names = ["a.txt", ".git/config", "__MACOSX/._a.txt", "x/.DS_Store", "Thumbs.db"]

    assert list(_extract(pack(tmp_path / "a.zip", dict.fromkeys(names, "x")))) == ["a.txt"]


def test_names_in_the_code_page_of_old_tools_are_read(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("placeholder.txt", "x")
    content = (tmp_path / "a.zip").read_bytes()
    name = "借阅规则说明.txt".encode("gbk")
    assert len(name) == len(b"placeholder.txt") + 1
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("placeholder1.txt", "x")
    content = (tmp_path / "a.zip").read_bytes().replace(b"placeholder1.txt", name)
    (tmp_path / "a.zip").write_bytes(content)

    assert list(_extract(tmp_path / "a.zip")) == ["借阅规则说明.txt"]


def test_a_document_in_an_archive_is_not_opened_as_one(tmp_path: Path):
    from tests.support.documents import docx_of

    docx = docx_of(tmp_path / "d", "").read_bytes()

    assert _extract(pack(tmp_path / "a.zip", {"a.docx": docx})) == {"a.docx": docx}


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "C:\\evil.txt", "..\\evil.txt"]
)
def test_members_that_point_outside_are_refused_before_anything_is_written(tmp_path: Path, name):
    path = pack(tmp_path / "a.zip", {"fine.txt": "fine", name: "evil"})

    with pytest.raises(UnsafeArchiveError) as raised:
        _extract(path)

    assert (raised.value.name, raised.value.member) == ("batch.zip", name)
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "evil.txt").exists()


def test_links_are_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("passwords")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")

    with pytest.raises(UnsafeArchiveError):
        _extract(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("limits", "key", "size"),
    [
        (replace(LIMITS, max_archive_mb=1), "knowledge.max_archive_mb", 2_000_000),
        (replace(LIMITS, max_archive_files=2), "knowledge.max_archive_files", 9),
        (replace(LIMITS, max_archive_depth=1), "knowledge.max_archive_depth", 9),
        (replace(LIMITS, max_archive_ratio=200), "knowledge.max_archive_ratio", 20_000_000),
    ],
)
def test_each_limit_is_named_with_its_key(tmp_path: Path, limits, key, size):
    members = {
        "a.txt": "w" * size,
        "b.txt": "b",
        "inner.zip": zip_bytes({"c.txt": "c"}),
    }

    with pytest.raises(LimitExceededError) as raised:
        _extract(pack(tmp_path / "a.zip", members), limits)

    assert (raised.value.name, raised.value.key) == ("batch.zip", key)
    assert raised.value.limit == getattr(limits, key.removeprefix("knowledge."))


def test_archives_in_archives_past_the_depth_are_refused(tmp_path: Path):
    content = zip_bytes({"x.txt": "x"})
    for level in range(5):
        content = zip_bytes({f"{level}.zip": content})
    (tmp_path / "a.zip").write_bytes(content)

    with pytest.raises(LimitExceededError) as raised:
        _extract(tmp_path / "a.zip")

    assert raised.value.key == "knowledge.max_archive_depth"


def test_a_bomb_writes_no_more_than_the_limit(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}.txt", b"\0" * 5_000_000)

    with pytest.raises(LimitExceededError):
        _extract(tmp_path / "a.zip", replace(LIMITS, max_archive_mb=12))

    written = sum(file.stat().st_size for file in (tmp_path / "out").iterdir())
    assert written <= 12 * 1024 * 1024


def test_a_directory_that_lies_about_sizes_proves_nothing(tmp_path: Path):
    pack(tmp_path / "a.zip", {"a.txt": b"x" * 3_000_000})
    honest = (3_000_000).to_bytes(4, "little")
    content = (tmp_path / "a.zip").read_bytes()
    assert content.count(honest) == 2
    (tmp_path / "a.zip").write_bytes(content.replace(honest, (30).to_bytes(4, "little")))

    with pytest.raises(RejectedDocumentError) as raised:
        _extract(tmp_path / "a.zip", replace(LIMITS, max_archive_mb=1))

    assert raised.value.name == "batch.zip"
    assert sum(file.stat().st_size for file in (tmp_path / "out").iterdir()) <= 1024 * 1024


@pytest.mark.parametrize(
    ("members", "error"), [({}, EmptyDocumentError), ({".hidden": "x"}, EmptyDocumentError)]
)
def test_an_archive_without_files_is_empty(tmp_path: Path, members, error):
    with pytest.raises(error):
        _extract(pack(tmp_path / "a.zip", members))


def test_members_that_need_a_password_are_told(tmp_path: Path):
    pack(tmp_path / "a.zip", {"a.txt": "x"})
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[6] |= 1  # the flag in the member's own header, then in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)

    with pytest.raises(EncryptedDocumentError):
        _extract(tmp_path / "a.zip")


def test_a_torn_archive_is_unreadable(tmp_path: Path):
    content = bytearray(pack(tmp_path / "a.zip", {"a.txt": "words " * 1000}).read_bytes())
    content[40:60] = b"\xff" * 20
    (tmp_path / "a.zip").write_bytes(content)

    with pytest.raises(UnreadableDocumentError):
        _extract(tmp_path / "a.zip")


def test_members_of_one_name_are_told_apart(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.txt", "second")

    assert _extract(tmp_path / "a.zip") == {"a.txt": b"first", "a (2).txt": b"second"}
