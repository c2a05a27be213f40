"""Whatever comes: a file is read, or refused with one of our errors; the worker lives on."""

from __future__ import annotations

import os
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.errors import LimitExceededError, RejectedDocumentError
from knowledge_base.loaders import load, media
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import Upload
from knowledge_base.settings import ReaderLimits
from tests.support import documents
from tests.support.mutation import bundled, samples, spoiled

SPEC = TokenizerSpec(kind="estimate", max_tokens=512)
LIMITS = ReaderLimits(parse_seconds=120, parse_memory_mb=768, max_archive_mb=30)
SUFFIXES = sorted({*media.BY_SUFFIX, ".rtf", ".xyz", ""})
ROUNDS = 6
SOAK_SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
ALMOST_ANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest_asyncio.fixture
async def reader() -> AsyncIterator[Reader]:
    """A reader of one process, closed in the end."""
    made = Reader(LIMITS, SPEC, workers=1)
    yield made
    await made.aclose()


async def _outcome(reader: Reader, name: str, content: bytes, folder: Path) -> str:
    path = folder / "file"
    path.write_bytes(content)
    upload = Upload(name, path)
    scratch = folder / f"scratch{random.getrandbits(64)}"
    try:
        if content[:2] == b"PK":
            scratch.mkdir()
            await reader.extract(upload, scratch)
        await reader.parse(upload)
    except LimitExceededError as error:
        return error.key
    except RejectedDocumentError as error:
        return type(error).__name__
    return "read"


@given(st.sampled_from(SUFFIXES), st.binary(max_size=400))
@ALMOST_ANY
def test_any_bytes_under_any_name_are_read_or_refused(tmp_path: Path, suffix, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    try:
        sections = load(path, f"a{suffix}", LIMITS)
    except RejectedDocumentError:
        return
    assert all(section.text.strip() for section in sections)


_MARKS = "ab字 \n\t#*|-=<>&;:\"'{}[]\\,.`_~/!1é\u202e\ufeff\x00"
_MARKED = st.text(st.sampled_from(_MARKS), max_size=200)


@given(st.sampled_from(SUFFIXES), _MARKED)
@ALMOST_ANY
def test_any_marks_under_any_name_are_read_or_refused(tmp_path: Path, suffix, content):
    path = tmp_path / "file"
    path.write_text(content, encoding="utf-8")
    try:
        load(path, f"a{suffix}", LIMITS)
    except RejectedDocumentError:
        return


_WORD = st.text(st.sampled_from("abcdexyz字词句段é"), min_size=4, max_size=8)


@given(st.sampled_from([".txt", ".md", ".csv", ".json", ".jsonl", ".html", ".py", ".srt", ".xml"]),
       st.lists(st.lists(_WORD, min_size=1, max_size=4), min_size=1, max_size=6))  # fmt: skip
@ALMOST_ANY
def test_every_word_of_a_file_comes_out(tmp_path: Path, suffix, rows):
    import json

    lines = [" ".join(row) for row in rows]
    content = {
        ".csv": "\n".join(",".join(row) for row in rows),
        ".json": json.dumps(rows, ensure_ascii=False),
        ".jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows),
        ".html": "<html><body>" + "".join(f"<p>{line}</p>" for line in lines) + "</body></html>",
        ".xml": "<?xml version='1.0'?><a>" + "".join(f"<b>{line}</b>" for line in lines) + "</a>",
        ".srt": "\n".join(
            f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{line}\n" for n, line in enumerate(lines, 1)
        ),
    }.get(suffix, "\n\n".join(lines))
    path = tmp_path / "file"
    path.write_text(content, encoding="utf-8")
    text = " ".join(f"{s.heading} {s.text}" for s in load(path, f"a{suffix}", LIMITS))
    assert [word for row in rows for word in row if word not in text] == []


@given(st.lists(st.lists(_WORD, min_size=2, max_size=4), min_size=1, max_size=12),
       st.integers(8, 12), st.integers(64, 160))  # fmt: skip
@settings(ALMOST_ANY, max_examples=60)
def test_every_word_of_a_page_comes_out_wherever_it_stands(tmp_path: Path, rows, size, wide):
    words = [
        (40.0 + wide * column, 780.0 - 1.4 * size * row, "".join(filter(str.isascii, word)) or "w")
        for row, line in enumerate(rows)
        for column, word in enumerate(line)
    ]
    path = documents.drawn(tmp_path / "a.pdf", [words], size)
    text = "".join("".join(s.text.split()) for s in load(path, "a.pdf", LIMITS))
    assert [word for _, _, word in words if word not in text] == []


async def test_files_of_every_kind_with_something_wrong_never_end_the_worker(
    reader, tmp_path: Path, caplog
):
    chance = random.Random("files of every kind")
    for name, content in (samples(tmp_path) | bundled()).items():
        assert await _outcome(reader, name, content, tmp_path) in _good(name)
        for _ in range(ROUNDS):
            came_to = await _outcome(reader, name, spoiled(content, chance), tmp_path)
            assert came_to != "knowledge.parse_seconds"
    assert "worker lost" not in caplog.text


def _good(name: str) -> set[str]:
    if name.endswith((".png", ".jpg", ".webp", ".gif", ".bmp", ".tiff")):
        return {"read", "ScannedDocumentError", "EmptyDocumentError"}
    return {"read", "UnsupportedFormatError"} if name.endswith(".zip") else {"read"}


@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_files_of_every_kind_with_something_wrong_for_minutes(reader, tmp_path: Path, caplog):
    seed = os.environ.get("SOAK_SEED", str(time.time_ns()))
    chance = random.Random(seed)
    good = samples(tmp_path) | bundled()
    names, until, tried = [*good], time.monotonic() + SOAK_SECONDS, 0
    while time.monotonic() < until:
        name = chance.choice(names)
        content = spoiled(good[name], chance)
        if chance.random() < 0.3:
            content = spoiled(content, chance)
        came_to = await _outcome(reader, name, content, tmp_path)
        tried += 1
        if came_to == "knowledge.parse_seconds" or "worker lost" in caplog.text:
            kept = tmp_path / f"find-{name}"
            kept.write_bytes(content)
            pytest.fail(f"seed {seed}, file {tried}: {kept}\n{caplog.text[-3000:]}")
    print(f"{tried} files, seed {seed}")  # noqa: T201 - `make soak` shows it
