"""Real processes on one data directory: killed at any moment, adding at once, out of disk."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from knowledge_base.embedders.openai import OpenAIEmbedder
from knowledge_base.library import Library
from knowledge_base.models import Legs, Scope
from knowledge_base.settings import KnowledgeSettings
from tests.support.hash_embeddings import hash_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).resolve().parents[2]
FILES = 24
KILLS = 4
SOAK_FILES = 200
SOAK_KILLS = 20


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with hash_server() as url:
        yield url


class Shop:
    """A data directory, a configuration for it, and folders to add."""

    def __init__(self, folder: Path, server: str) -> None:
        self.data = folder / "data"
        self.config = folder / "config.toml"
        self.server = server
        self.config.write_text(
            f'data_dir = "data"\n[embedding]\nkind = "openai"\nmodel = "hash"\n'
            f'base_url = "{server}"\n'
        )

    def command(self, *arguments: str) -> list[str]:
        chosen = ["--base", "shared", "--json", "--config", str(self.config)]
        return [sys.executable, "-m", "bot", "kb", *arguments, *chosen]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
            cwd=ROOT,
        )

    def run(self, *arguments: str) -> list[dict[str, object]]:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=240)
        assert process.returncode == 0, output
        return [json.loads(line) for line in output.splitlines()]

    @asynccontextmanager
    async def library(self) -> AsyncIterator[Library]:
        embedder = OpenAIEmbedder(model="hash", base_url=self.server, api_key=None)
        async with Library.open(self.data, embedder, KnowledgeSettings()) as library:
            yield library
        await embedder.aclose()


@pytest.fixture
def shop(tmp_path: Path, server: str) -> Shop:
    return Shop(tmp_path, server)


def write_files(folder: Path, count: int, word: str = "common") -> None:
    folder.mkdir()
    for n in range(count):
        paragraphs = [
            f"{word} file {n} paragraph {p}: unique{word}{n}x{p}. " + f"filler{n} " * 200
            for p in range(1 + n % 5)
        ]
        (folder / f"{n:03}.txt").write_text("\n\n".join(paragraphs))


def kill_after(process: subprocess.Popen[str], lines: int, delay: float) -> list[str]:
    """Let it report so many files, wait a little, kill it; the documents that it reported."""
    assert process.stdout is not None
    told = []
    for _ in range(lines):
        line = process.stdout.readline()
        if not line:
            break
        told.append(line)
    try:
        process.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    told += rest.splitlines()
    # The last line may be torn: it was never told whole.
    reports = [json.loads(line) for line in told if line.rstrip().endswith("}")]
    return [report["document"] for report in reports if report["state"] == "added"]


async def check(shop: Shop, reported: Sequence[str]) -> int:
    """Everything reported is found, nothing is half there; how many documents there are."""
    async with shop.library() as library:
        base = (await library.ensure_base("shared")).base_id
        verification = await library.verify(base)
        assert verification.problems == ()
        documents = {document.name: document for document in await library.documents(base)}
        assert set(reported) <= set(documents)
        scope = Scope(frozenset({base}))
        for name in reported:
            question = f"uniquecommon{int(name[:3])}x0"
            found = await library.search(scope, question, limit=3, legs=Legs.LEXICAL)
            assert name in [passage.document.name for passage in found.passages], name
    leftovers = [*(shop.data / "originals" / "staging").iterdir()]
    kept = [p for p in (shop.data / "originals").glob("??/*") if p.is_file()]
    assert leftovers == []
    assert len(kept) == len(documents)
    return len(documents)


async def kill_again_and_again(shop: Shop, folder: Path, files: int, kills: int) -> None:
    rng = random.Random(files)
    write_files(folder, files)
    reported: list[str] = []
    for turn in range(kills):
        left = files - len(reported)
        process = shop.start("add", str(folder))
        lines = rng.randint(0, max(1, 2 * left // (kills - turn)))
        killed = asyncio.to_thread(kill_after, process, lines, rng.random() * 0.2)
        reported += await killed
        there = await check(shop, reported)
        assert there >= len(set(reported))
    rest = await asyncio.to_thread(shop.run, "add", str(folder))
    assert len(rest) == files
    assert {report["state"] for report in rest} <= {"added", "unchanged"}
    assert await check(shop, [f"{n:03}.txt" for n in range(files)]) == files
    (verified,) = await asyncio.to_thread(shop.run, "verify")
    assert (verified["documents"], verified["problems"]) == (files, [])


async def test_killed_at_any_moment_what_was_reported_is_there_and_nothing_is_half_there(
    shop: Shop, tmp_path: Path
) -> None:
    await kill_again_and_again(shop, tmp_path / "folder", FILES, KILLS)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_killed_twenty_times_over_two_hundred_files(shop: Shop, tmp_path: Path) -> None:
    await kill_again_and_again(shop, tmp_path / "folder", SOAK_FILES, SOAK_KILLS)


async def test_two_processes_add_at_once_and_nothing_is_lost_or_doubled(
    shop: Shop, tmp_path: Path
) -> None:
    write_files(tmp_path / "one", 12)
    write_files(tmp_path / "two", 18)  # its first twelve have the same names and bytes
    first, second = (
        shop.start("add", str(tmp_path / "one")),
        shop.start("add", str(tmp_path / "two")),
    )
    outputs = await asyncio.gather(
        asyncio.to_thread(first.communicate), asyncio.to_thread(second.communicate)
    )
    assert (first.returncode, second.returncode) == (0, 0)
    reports = [json.loads(line) for output, _ in outputs for line in output.splitlines()]
    assert len(reports) == 30
    states = [report["state"] for report in reports]
    assert (states.count("added"), states.count("unchanged")) == (18, 12)
    assert await check(shop, [f"{n:03}.txt" for n in range(18)]) == 18


async def test_a_running_library_finds_what_a_shell_adds_and_not_what_it_removes(
    shop: Shop, tmp_path: Path
) -> None:
    write_files(tmp_path / "folder", 3)
    async with shop.library() as library:
        base = (await library.ensure_base("shared")).base_id
        scope = Scope(frozenset({base}))
        assert (await library.search(scope, "uniquecommon2x0")).passages == ()
        await asyncio.to_thread(shop.run, "add", str(tmp_path / "folder"))
        found = await library.search(scope, "uniquecommon2x0")
        assert found.passages[0].document.name == "002.txt"
        (removed,) = await asyncio.to_thread(shop.run, "remove", "002.txt")
        assert removed["removed"] is True
        found = await library.search(scope, "uniquecommon2x0", limit=50)
        assert {passage.document.name for passage in found.passages} == {"000.txt", "001.txt"}


async def test_killed_while_it_brings_back_each_document_rests_or_is_there(
    shop: Shop, tmp_path: Path
) -> None:
    write_files(tmp_path / "folder", 8)
    names = [path.name for path in sorted((tmp_path / "folder").iterdir())]
    await asyncio.to_thread(shop.run, "add", str(tmp_path / "folder"))
    await asyncio.to_thread(shop.run, "remove", *names)
    for lines in (0, 2, 3):
        process = shop.start("undo")
        assert process.stdout is not None
        for _ in range(lines):
            await asyncio.to_thread(process.stdout.readline)
        process.kill()
        await asyncio.to_thread(process.communicate)
        async with shop.library() as library:
            base = (await library.ensure_base("shared")).base_id
            there = [document.name for document in await library.documents(base)]
            resting = [rest.document.name for rest in await library.resting([base])]
            assert sorted(there + resting) == names
            assert (await library.verify(base)).problems == ()
    await asyncio.to_thread(shop.run, "undo")
    await check(shop, names)


FULL_DISK = """
import asyncio, json, resource, sys
from pathlib import Path
from knowledge_base.errors import StorageFullError
from knowledge_base.models import Upload
from tests.support.libraries import open_library

async def main(folder):
    told = []
    async with open_library(folder / "data") as library:
        base = (await library.ensure_base("shared")).base_id
        # No file may grow past this: the database soon wants to.
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, most))
        for n in range(40):
            path = folder / f"{n}.txt"
            path.write_text("\\n\\n".join(f"text {n} {p} " + "word " * 400 for p in range(10)))
            try:
                await library.add(base, Upload(path.name, path))
                told.append(path.name)
            except StorageFullError:
                assert [d.name for d in await library.documents(base)] == sorted(told)
                resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
                await library.add(base, Upload(path.name, path))
                print(json.dumps([*told, path.name]), flush=True)
                return 7
    return 0

sys.exit(asyncio.run(main(Path(sys.argv[1]))))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of files are POSIX's")
async def test_a_full_disk_is_told_and_once_there_is_room_it_goes_on(tmp_path: Path) -> None:
    from tests.support.libraries import open_library

    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert process.returncode == 7, process.stderr
    told = json.loads(process.stdout)
    assert told
    async with open_library(tmp_path / "data") as library:
        base = (await library.ensure_base("shared")).base_id
        assert sorted(d.name for d in await library.documents(base)) == sorted(told)
        assert (await library.verify(base)).problems == ()
