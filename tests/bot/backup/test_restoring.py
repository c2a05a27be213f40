"""The way back: all of it or nothing, and nothing that was there is lost."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.backup import manifest as manifests
from bot.backup.repository import Repository
from bot.backup.restoring import OURS, is_whole, restore
from bot.backup.taking import take
from bot.errors import (
    ConfigError,
    DamagedBackupError,
    DirectoryInUseError,
    DirectoryNotEmptyError,
    NoBackupError,
)
from bot.parts import open_library as open_configured
from bot.settings import Config
from core.accounts import Accounts
from core.database import Database
from knowledge_base.errors import StorageBusyError, StoreTooNewError
from knowledge_base.settings import KnowledgeSettings
from tests.support import kept_schemas
from tests.support.libraries import find, open_library, texts
from tests.support.shops import DOCUMENTS, ask, forget_later, furnished, rows

ROOT = Path(__file__).resolve().parents[3]


def unwatched(_done, _total):
    return None


def bring_back(path, into, *, agreed=False):
    return asyncio.run(restore(path, into, agreed=agreed, watch=unwatched))


@pytest.fixture
def data(tmp_path):
    return furnished(tmp_path)


@pytest.fixture
def backup(data, tmp_path):
    return take(data, tmp_path / "backups", keep=9).path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_elsewhere_it_answers_as_it_did_and_is_whole(backup, tmp_path):
    seen = []
    into = tmp_path / "elsewhere" / "data"
    restored = asyncio.run(
        restore(
            backup.parent, into, agreed=False, watch=lambda done, total: seen.append((done, total))
        )
    )
    assert (restored.backup, restored.aside, restored.wishes) == (backup, None, 0)
    assert seen[-1] == (restored.manifest.size, restored.manifest.size)

    async def look():
        async with open_library(into) as library:
            base = (await library.base("harbour")).base_id
            found = await find(library, base, "When does the gate open?")
            assert texts(found)[0] == DOCUMENTS["gate.txt"]
            found = await find(library, base, "港口几点开门")
            assert texts(found)[0] == DOCUMENTS["港口.txt"]
            assert (await library.verify(base)).problems == ()
            (resting,) = await library.resting([base])
            assert resting.document.name == "old.txt"

    asyncio.run(look())
    (held,) = (path for path in (into / "reviews").rglob("*") if path.is_file())
    assert held.read_text() == "This upload waits."
    assert rows(into / "lorekeeper.db", "SELECT question FROM exchanges") == [
        ("When does the gate open?",)
    ]
    assert not (into / ".restoring").exists()


@pytest.mark.parametrize("where", ["manifest.json", "a folder of backups"])
def test_a_backup_is_named_by_its_manifest_or_by_the_folder_of_all(where, backup, tmp_path):
    path = backup / where if where == "manifest.json" else backup.parent
    assert bring_back(path, tmp_path / "new").backup == backup


def test_where_there_is_no_backup_it_says_so(tmp_path):
    with pytest.raises(NoBackupError):
        bring_back(tmp_path, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_one_flipped_bit_anywhere_is_found_and_nothing_is_changed(backup, tmp_path):
    folder = backup.parent
    files = [*backup.iterdir(), *(folder / "contents").glob("??/*")]
    assert len(files) == 4 + len(DOCUMENTS) + 2
    for path in files:
        good = path.read_bytes()
        spots = range(0, len(good), 1 + len(good) // (60 if path.suffix == ".json" else 3))
        for spot in spots:
            bad = bytearray(good)
            bad[spot] ^= 1 << (spot % 8)
            path.write_bytes(bytes(bad))
            with pytest.raises(DamagedBackupError) as caught:
                bring_back(backup, tmp_path / "new")
            assert path.match(f"*/{caught.value.file}")
        path.write_bytes(good)
    assert set(names(tmp_path / "new")) <= {"knowledge.lock", "processes"}
    bring_back(backup, tmp_path / "new")


def test_a_file_that_is_missing_is_named(backup, tmp_path):
    for path in (*(backup.parent / "contents").glob("??/*"), *backup.iterdir()):
        path.rename(tmp_path / "away")
        with pytest.raises(DamagedBackupError) as caught:
            bring_back(backup, tmp_path / "new")
        assert path.match(f"*/{caught.value.file}")
        (tmp_path / "away").rename(path)


def test_a_path_that_leads_outside_is_damage(backup, tmp_path):
    manifest = manifests.read(backup)
    entries = list(manifests.contents(backup, manifest))
    for path in ("../outside", "/outside", "a/../../outside", "", "models/m.gguf", "processes"):
        (first, *others) = entries
        (backup / "contents.txt").unlink()
        listed = manifests.write_list(backup, (replace(first, path=path), *others))
        changed = replace(manifest, listed=listed)
        (backup / "manifest.json").write_bytes(manifests.written(changed))
        with pytest.raises(DamagedBackupError):
            bring_back(backup, tmp_path / "new")


def test_who_was_logged_in_at_the_console_then_is_not_again(data, tmp_path):
    async def log_in() -> str:
        async with Database.open(data / "lorekeeper.db") as database:
            accounts = Accounts(database)
            await accounts.make("eve", "operator", "sesame sesame")
            return await accounts.begin("eve")

    async def held(token: str):
        async with Database.open(tmp_path / "new" / "lorekeeper.db") as database:
            accounts = Accounts(database)
            return await accounts.session(token), await accounts.verified("eve", "sesame sesame")

    token = asyncio.run(log_in())
    bring_back(take(data, tmp_path / "backups", keep=9).path, tmp_path / "new")
    session, account = asyncio.run(held(token))
    assert session is None
    assert account is not None


def test_a_newer_backup_is_refused_with_the_version_that_made_it(backup, tmp_path):
    manifest = manifests.read(backup)
    for changed in (
        replace(manifest, program="7.0", migrations=(*manifest.migrations, "m700_later")),
        replace(manifest, program="7.0", schema=700),
    ):
        (backup / "manifest.json").write_bytes(manifests.written(changed))
        with pytest.raises(StoreTooNewError) as caught:
            bring_back(backup, tmp_path / "new")
        assert (caught.value.written, caught.value.program) == (700, "7.0")
    assert not (tmp_path / "new").exists()


def test_data_is_moved_aside_when_that_is_agreed_and_not_before(data, backup, tmp_path):
    (data / "models").mkdir()
    (data / "models" / "large.gguf").write_text("fetched")
    (data / "mine.txt").write_text("the operator's own")
    before = rows(data / "lorekeeper.db", "SELECT * FROM exchanges")
    with pytest.raises(DirectoryNotEmptyError):
        bring_back(backup, data)
    restored = bring_back(backup, data, agreed=True)
    assert restored.aside.parent == data
    assert rows(restored.aside / "lorekeeper.db", "SELECT * FROM exchanges") == before
    assert set(names(restored.aside)) <= set(OURS)
    assert (data / "models" / "large.gguf").read_text() == "fetched"
    assert (data / "mine.txt").exists()
    again = bring_back(backup, data, agreed=True)
    assert again.aside != restored.aside
    assert is_whole(data)


async def test_a_directory_that_is_open_is_left_alone(tmp_path):
    data = await asyncio.to_thread(furnished, tmp_path)
    report = await asyncio.to_thread(take, data, tmp_path / "backups", keep=1)
    before = names(data)
    async with open_library(data):
        with pytest.raises(DirectoryInUseError):
            await restore(report.path, data, agreed=True, watch=unwatched)
    assert names(data) == before
    await restore(report.path, data, agreed=True, watch=unwatched)


async def test_while_it_is_restored_nobody_opens_it_and_nobody_else_restores(tmp_path):
    data = await asyncio.to_thread(furnished, tmp_path)
    report = await asyncio.to_thread(take, data, tmp_path / "backups", keep=1)
    begun, go_on = threading.Event(), threading.Event()

    def watch(_done, _total):
        begun.set()
        go_on.wait(60)

    into = tmp_path / "new"
    first = asyncio.create_task(restore(report.path, into, agreed=False, watch=watch))
    await asyncio.to_thread(begun.wait, 60)
    with pytest.raises(DirectoryInUseError):
        await restore(report.path, into, agreed=False, watch=unwatched)
    with pytest.raises(StorageBusyError):
        async with open_library(into, settings=KnowledgeSettings(busy_seconds=0.1)):
            raise AssertionError
    go_on.set()
    await first
    async with open_library(into) as library:
        assert (await library.verify((await library.base("harbour")).base_id)).problems == ()


async def test_who_does_not_want_it_any_more_gets_an_untouched_directory(tmp_path):
    data = await asyncio.to_thread(furnished, tmp_path)
    report = await asyncio.to_thread(take, data, tmp_path / "backups", keep=1)
    before, begun, go_on = names(data), threading.Event(), threading.Event()

    def watch(_done, _total):
        begun.set()
        go_on.wait(60)

    task = asyncio.create_task(restore(report.path, data, agreed=True, watch=watch))
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(data) == before


@pytest.mark.parametrize("broken_at", range(1, 8))
def test_broken_off_between_two_moves_it_loses_nothing_and_nobody_opens_it(
    broken_at, data, backup, monkeypatch
):
    rename, moved = Path.rename, 0

    def some(self, target):
        nonlocal moved
        moved += 1
        if moved == broken_at:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", some)
        with pytest.raises(KeyboardInterrupt):
            bring_back(backup, data, agreed=True)
    assert not is_whole(data)

    async def start():
        async with open_configured(Config(data_dir=data), embedding=False):
            raise AssertionError

    with pytest.raises(ConfigError, match="restore"):
        asyncio.run(start())
    with pytest.raises(DirectoryNotEmptyError):
        bring_back(backup, data)
    bring_back(backup, data, agreed=True)
    assert is_whole(data)
    assert rows(data / "lorekeeper.db", "SELECT count(*) FROM exchanges") == [(1,)]
    # What was there before lies in one of the folders or the other, all of it.
    aside = {path.name for path in data.glob("before-restore-*/*")}
    assert {"lorekeeper.db", "knowledge.db", "originals", "reviews"} <= aside


def test_who_asked_to_be_forgotten_since_is_forgotten_anew(data, backup, tmp_path):
    asyncio.run(forget_later(data, "7001"))
    take(data, tmp_path / "backups", keep=9)
    # The newer backup of the same folder tells, also on another machine.
    restored = bring_back(backup, tmp_path / "new")
    assert restored.wishes == 1
    wish = "SELECT user_id, done_at, heard_until FROM forgotten"
    assert rows(tmp_path / "new" / "lorekeeper.db", wish) == [("7001", None, 5)]
    # And so does the directory that it takes the place of.
    alone = tmp_path / "alone"
    shutil.copytree(tmp_path / "backups", alone)
    for name in Repository(alone).names()[1:]:
        shutil.rmtree(alone / name)
    assert bring_back(alone, data, agreed=True).wishes == 1
    assert rows(data / "lorekeeper.db", wish) == [("7001", None, 5)]


def test_a_damaged_database_can_be_replaced(data, backup):
    (data / "lorekeeper.db").write_bytes(b"no database at all" * 1000)
    restored = bring_back(backup, data, agreed=True)
    assert restored.wishes == 0
    assert rows(data / "lorekeeper.db", "SELECT count(*) FROM exchanges") == [(1,)]


def test_on_a_full_disk_it_says_so_and_leaves_what_is_there(data, backup, tmp_path):
    before = names(data)
    child = ["tests.support.backing_up_child", str(data), str(backup), "restore", "40000"]
    done = subprocess.run(
        [sys.executable, "-m", *child], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.stdout == "StorageFullError\n"
    assert names(data) == before
    assert rows(data / "lorekeeper.db", "SELECT count(*) FROM exchanges") == [(1,)]


def test_a_backup_of_an_earlier_version_is_restored_and_upgraded(tmp_path):
    data, into = tmp_path / "data", tmp_path / "new"
    kept_schemas.data_directory(4, 2, data)
    report = take(data, tmp_path / "backups", keep=1)
    manifest = manifests.read(report.path)
    assert (len(manifest.migrations), manifest.schema, manifest.documents) == (4, 2, 2)
    bring_back(report.path, into)

    async def look():
        async with open_library(into) as library, Database.open(into / "lorekeeper.db"):
            base = (await library.base("harbour")).base_id
            found = await find(library, base, "When does the harbour gate open?")
            assert texts(found)[0].startswith("The harbour gate opens at nine")
            assert (await library.verify(base)).problems == ()

    asyncio.run(look())
    assert names(into / "before-upgrade") == ["knowledge-002.db", "lorekeeper-004.db"]


def test_what_was_written_after_the_backup_began_may_be_in_it_but_never_half(data, tmp_path):
    async def question(text):
        async with Database.open(data / "lorekeeper.db") as database:
            await ask(database, "7002", text)

    first = True

    def watch(_done, _total):
        nonlocal first
        if first:
            first = False
            asyncio.run(question("Asked meanwhile?"))

    report = take(data, tmp_path / "backups", keep=1, watch=watch)
    with closing(sqlite3.connect(report.path / "lorekeeper.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert manifests.read(report.path).began_at < datetime.now(UTC)
