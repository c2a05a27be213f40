"""Backups of a data directory that is in use, by whatever end they come to."""

from __future__ import annotations

import asyncio
import hashlib
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bot.backup import manifest as manifests
from bot.backup.commands import scheduled
from bot.backup.repository import Repository
from bot.backup.restoring import restore
from bot.backup.taking import back_up, take
from bot.errors import BackupBusyError, BackupFolderError, NothingToBackUpError
from bot.settings import BackupSettings, Config
from core.alerts import Alerts, Subject, Trouble
from core.database import Database
from core.language import words
from knowledge_base.models import Upload
from tests.support.libraries import add_text, open_library
from tests.support.shops import DOCUMENTS, ask, furnished, rows

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def data(tmp_path):
    return furnished(tmp_path)


def contents(folder):
    return {path.name for path in (folder / "contents").glob("??/*")}


def leftovers(folder):
    return [path.name for path in folder.glob(".unfinished-*")]


def is_whole(folder, name):
    repository = Repository(folder)
    backup = folder / name
    return not list(repository.damaged(backup, manifests.read(backup), lambda _size: None))


def test_a_backup_holds_both_databases_and_every_original_once(data, tmp_path):
    folder = tmp_path / "backups"
    seen = []
    report = take(data, folder, keep=7, watch=lambda done, total: seen.append((done, total)))
    assert (report.documents, report.missing, report.removed) == (len(DOCUMENTS), (), ())
    assert seen == sorted(seen)
    assert seen[-1][0] <= seen[-1][1]
    manifest = manifests.read(report.path)
    assert [entry.path for entry in manifest.databases] == ["lorekeeper.db", "knowledge.db"]
    paths = [entry.path for entry in manifests.contents(report.path, manifest)]
    # What rests, and what waits for review, too.
    assert sum(path.startswith("originals/") for path in paths) == len(DOCUMENTS) + 1
    assert sum(path.startswith("reviews/") for path in paths) == 1
    for text in (*DOCUMENTS.values(), "The ferry no longer runs.", "This upload waits."):
        assert hashlib.sha256(text.encode()).hexdigest() in contents(folder)
    assert not list(folder.rglob("*.vectors"))
    assert is_whole(folder, report.name)

    again = take(data, folder, keep=7)
    assert again.new == 0
    assert again.size == report.size


def test_older_backups_go_and_with_them_what_no_other_names(data, tmp_path):
    folder = tmp_path / "backups"
    first = take(data, folder, keep=2)

    async def remove():
        async with open_library(data) as library:
            base = (await library.base("harbour")).base_id
            await library.remove(base, "gate.txt")

    asyncio.run(remove())
    gone = hashlib.sha256(DOCUMENTS["gate.txt"].encode()).hexdigest()
    second = take(data, folder, keep=2)
    assert gone in contents(folder)
    third = take(data, folder, keep=2)
    assert third.removed == (first.name,)
    assert gone not in contents(folder)
    assert Repository(folder).names() == (second.name, third.name)
    assert all(is_whole(folder, name) for name in (second.name, third.name))


@pytest.mark.parametrize("damaged", ["manifest.json", "contents.txt"])
def test_nothing_is_removed_on_the_word_of_a_damaged_backup(damaged, data, tmp_path):
    folder = tmp_path / "backups"
    first = take(data, folder, keep=3)
    before = contents(folder)
    (first.path / damaged).write_bytes(b"{}")
    stray = folder / "contents" / "ab" / "abcdef"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"perhaps the damaged one's")
    take(data, folder, keep=3)
    assert contents(folder) == {*before, "abcdef"}


def test_where_there_is_nothing_there_is_no_backup(tmp_path):
    with pytest.raises(NothingToBackUpError):
        take(tmp_path / "data", tmp_path / "backups", keep=1)
    assert not (tmp_path / "backups").exists()


def test_a_folder_that_is_none_is_told(data, tmp_path):
    (tmp_path / "backups").write_text("a file")
    with pytest.raises(BackupFolderError):
        take(data, tmp_path / "backups", keep=1)


def test_two_at_once_do_not_get_in_each_others_way(data, tmp_path):
    repository = Repository(tmp_path / "backups")
    with repository.writing(), pytest.raises(BackupBusyError):
        take(data, repository.folder, keep=1)
    take(data, repository.folder, keep=1)


def test_a_missing_or_damaged_original_is_told_and_the_rest_is_kept(data, tmp_path):
    def original(name):
        digest = hashlib.sha256(DOCUMENTS[name].encode()).hexdigest()
        return data / "originals" / digest[:2] / digest

    original("gate.txt").unlink()
    original("keeper.txt").write_bytes(b"The lighthouse keeper is called Amarb.")
    report = take(data, tmp_path / "backups", keep=1)
    assert report.missing == ("gate.txt", "keeper.txt")
    assert is_whole(tmp_path / "backups", report.name)


async def test_who_does_not_want_it_any_more_gets_nothing_and_leaves_nothing(tmp_path):
    data = await asyncio.to_thread(furnished, tmp_path)
    folder, begun, go_on = tmp_path / "backups", threading.Event(), threading.Event()

    def watch(_done, _total):
        begun.set()
        go_on.wait(60)

    task = asyncio.create_task(back_up(data, folder, keep=1, watch=watch))
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert Repository(folder).names() == ()
    assert leftovers(folder) == []


async def test_what_was_said_to_be_stored_before_is_in_it_while_others_write(tmp_path):
    data, folder, given = tmp_path / "data", tmp_path / "backups", tmp_path / "given"
    given.mkdir()
    chance, stop = random.Random(4), asyncio.Event()
    kept: list[str] = []
    stored: asyncio.Queue[str] = asyncio.Queue()
    async with (
        open_library(data) as library,
        Database.open(data / "lorekeeper.db") as database,
    ):
        base = (await library.ensure_base("harbour")).base_id

        async def teach(worker):
            number = 0
            while not stop.is_set():
                number += 1
                name = f"{worker}-{number}.txt"
                path = given / name
                path.write_text(f"Fact {name}: {chance.random()} of the harbour. " * 20)
                await library.add(base, Upload(name, path))
                await ask(database, str(worker), name)
                if number % 3:
                    kept.append(name)
                    stored.put_nowait(name)
                else:
                    await library.remove(base, name)

        workers = [asyncio.create_task(teach(number)) for number in range(3)]
        reports = []
        for _backup in range(4):
            for _document in range(4):
                await stored.get()
            before = set(kept)
            reports.append((before, await back_up(data, folder, keep=9)))
        stop.set()
        await asyncio.gather(*workers)
    for number, (before, report) in enumerate(reports):
        assert report.missing == ()
        into = tmp_path / f"restored-{number}"
        await restore(report.path, into, agreed=False, watch=lambda _done, _total: None)
        async with open_library(into) as library:
            base = (await library.base("harbour")).base_id
            names = {document.name for document in await library.documents(base)}
            assert before <= names
            assert (await library.verify(base)).problems == ()
        # Whoever asked of a document did so after it was there.
        asked = {
            str(name) for (name,) in rows(into / "lorekeeper.db", "SELECT question FROM exchanges")
        }
        removed = {name for name in asked if int(name[2:-4]) % 3 == 0}
        assert asked - removed <= names


def child(data, folder, *arguments):
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.support.backing_up_child",
            str(data),
            str(folder),
            *arguments,
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "moment",
    [
        *(("step", str(number)) for number in (1, 3, 5, 6, 7, 8, 9)),
        *(("before", name) for name in ("begin", "put", "finish", "rotate", "_sweep", "_clear")),
    ],
    ids="-".join,
)
def test_killed_at_any_moment_it_leaves_nothing_that_looks_whole(moment, data, tmp_path):
    folder = tmp_path / "backups"
    whole = [take(data, folder, keep=2).name] if moment[0] == "before" else []
    if moment == ("before", "put"):
        (data / "reviews").rename(tmp_path / "away")
        folder = tmp_path / "others"
        whole = []
    process = child(data, folder, *moment)
    try:
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    finally:
        process.kill()
        process.communicate()
    names = Repository(folder).names()
    assert set(whole) <= set(names)
    assert all(is_whole(folder, name) for name in names)
    made = take(data, folder, keep=2)
    assert leftovers(folder) == []
    names = Repository(folder).names()
    assert names[-1] == made.name
    assert all(is_whole(folder, name) for name in names)


@pytest.mark.parametrize("limit", [10, 40_000, 90_000])
def test_on_a_full_disk_it_says_so_and_leaves_nothing(limit, data, tmp_path):
    folder = tmp_path / "backups"
    process = child(data, folder, "limit", str(limit))
    told, _ = process.communicate(timeout=120)
    assert told == "StorageFullError\n"
    assert Repository(folder).names() == ()
    assert leftovers(folder) == []
    assert take(data, folder, keep=1).documents == len(DOCUMENTS)


async def test_the_owners_are_told_of_one_that_failed_and_of_the_next_that_did_not(tmp_path):
    data = await asyncio.to_thread(furnished, tmp_path)
    folder, told = tmp_path / "backups", []

    async def tell(text):
        told.append(text)
        return True

    now = [0.0]
    alerts = Alerts(tell, words("en"), lambda: now[0])
    config = Config(data_dir=data, backup=BackupSettings(folder=folder, keep=1))
    folder.write_text("in the way")
    with pytest.raises(BackupFolderError):
        await scheduled(config, alerts)
    assert alerts.standing == {Subject(Trouble.BACKUP)}
    await alerts.look()
    folder.unlink()
    report = await scheduled(config, alerts)
    assert report.documents == len(DOCUMENTS)
    now[0] += 1000
    await alerts.look()
    failed, mended = told
    assert failed.startswith("⚠️ The last backup failed: ")
    assert not failed.endswith("..")
    assert mended == "✅ A backup succeeded again."


async def test_documents_that_cannot_be_kept_are_a_trouble_too(tmp_path):
    data = await asyncio.to_thread(furnished, tmp_path)
    alerts = Alerts(lambda _text: asyncio.sleep(0, True), words("en"))
    config = Config(data_dir=data, backup=BackupSettings(folder=tmp_path / "backups"))
    digest = hashlib.sha256(DOCUMENTS["gate.txt"].encode()).hexdigest()
    (data / "originals" / digest[:2] / digest).unlink()
    await scheduled(config, alerts)
    assert alerts.standing == {Subject(Trouble.BACKUP)}


async def test_a_library_goes_on_while_it_is_backed_up(tmp_path):
    data = await asyncio.to_thread(furnished, tmp_path)
    async with open_library(data) as library:
        base = (await library.base("harbour")).base_id
        halfway, go_on = threading.Event(), threading.Event()

        def watch(_done, _total):
            halfway.set()
            go_on.wait(60)

        task = asyncio.create_task(back_up(data, tmp_path / "backups", keep=1, watch=watch))
        await asyncio.to_thread(halfway.wait, 60)
        added = await add_text(library, base, tmp_path, "new.txt", "The bridge is new.")
        go_on.set()
        report = await task
    assert added.document.name == "new.txt"
    assert report.missing == ()
