"""Which backups a folder has, and which of them go."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3

import pytest

from bot.backup import manifest as manifests
from bot.backup.repository import Repository
from bot.backup.taking import CORE, KNOWLEDGE, take
from tests.support.shops import furnished


@pytest.fixture
def data(tmp_path):
    return furnished(tmp_path)


def is_whole(backup):
    repository = Repository(backup.parent)
    return not list(repository.damaged(backup, manifests.read(backup), lambda _size: None))


def test_what_is_no_backup_is_never_let_go(data, tmp_path):
    folder = tmp_path / "backups"
    for name in ("2019 Trip to the sea", "1T", "20190101T000000Z.old", "20190101T000000"):
        (folder / name).mkdir(parents=True)
        (folder / name / "photo.jpg").write_bytes(b"the only one")
    before = sorted(path.name for path in folder.iterdir())
    take(data, folder, keep=1)
    last = take(data, folder, keep=1)
    assert Repository(folder).names() == (last.name,)
    kept = sorted(path.name for path in folder.iterdir() if path.name in before)
    assert kept == before
    assert len(list(folder.glob("*/photo.jpg"))) == len(before)


def test_a_clock_that_was_ahead_does_not_cost_the_backup_of_now(data, tmp_path):
    folder = tmp_path / "backups"
    for day in (1, 2):
        made = take(data, folder, keep=9)
        made.path.rename(folder / f"2999010{day}T000000Z")
    report = take(data, folder, keep=2)
    assert report.removed == ("29990101T000000Z",)
    assert Repository(folder).names() == (report.name, "29990102T000000Z")
    assert is_whole(report.path)


def databases(folder):
    """Each backup's databases, by what they are on the disk."""
    names = Repository(folder).names()
    return [[(folder / name / one).stat().st_ino for one in (CORE, KNOWLEDGE)] for name in names]


def test_a_database_that_did_not_change_lies_there_once_for_all_backups(data, tmp_path):
    folder = tmp_path / "backups"
    first = take(data, folder, keep=3)
    assert take(data, folder, keep=3).new == 0
    with contextlib.closing(sqlite3.connect(data / CORE)) as connection, connection:
        connection.execute("INSERT INTO digests VALUES ('discord', 'town', 1, 1)")
    third = take(data, folder, keep=3)
    assert third.new == (third.path / CORE).stat().st_size
    (one, known), (two, known_too), (three, known_still) = databases(folder)
    assert known == known_too == known_still
    assert one == two != three
    fourth = take(data, folder, keep=3)
    assert (fourth.removed, fourth.new) == ((first.name,), 0)
    assert all(is_whole(folder / name) for name in Repository(folder).names())


def test_an_older_backup_whose_database_is_damaged_is_mended_by_the_same_one(data, tmp_path):
    folder = tmp_path / "backups"
    first, second = take(data, folder, keep=9), take(data, folder, keep=9)
    with (second.path / KNOWLEDGE).open("r+b") as file:
        file.write(b"rot")
    assert not is_whole(first.path)
    take(data, folder, keep=9)
    assert is_whole(first.path)
    assert is_whole(second.path)


def test_where_a_file_has_one_name_only_each_backup_has_its_own(data, tmp_path, monkeypatch):
    def refused(*_paths):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refused)
    folder = tmp_path / "backups"
    first, second = take(data, folder, keep=9), take(data, folder, keep=9)
    sizes = [(second.path / name).stat().st_size for name in (CORE, KNOWLEDGE)]
    assert second.new == sum(sizes)
    assert len({number for own in databases(folder) for number in own}) == 4
    assert is_whole(first.path)
    assert is_whole(second.path)


def test_backups_of_one_second_are_in_their_order(tmp_path):
    names = ["20261123T041200Z", *(f"20261123T041200Z-{n}" for n in range(2, 12))]
    for name in reversed(names):
        (tmp_path / name).mkdir()
    assert list(Repository(tmp_path).names()) == names
