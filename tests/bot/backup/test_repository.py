"""Which backups a folder has, and which of them go."""

from __future__ import annotations

import pytest

from bot.backup import manifest as manifests
from bot.backup.repository import Repository
from bot.backup.taking import take
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


def test_backups_of_one_second_are_in_their_order(tmp_path):
    names = ["20261123T041200Z", *(f"20261123T041200Z-{n}" for n in range(2, 12))]
    for name in reversed(names):
        (tmp_path / name).mkdir()
    assert list(Repository(tmp_path).names()) == names
