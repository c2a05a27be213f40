from __future__ import annotations

import errno
import hashlib
import json
import zipfile
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from knowledge_base.embedders import open_embedder
from knowledge_base.errors import (
    LimitExceededError,
    RejectedDocumentError,
    StorageFullError,
    UnreadableDocumentError,
    UnsafeArchiveError,
)
from knowledge_base.library import Library
from knowledge_base.models import PAGE_TYPE, AddState, Legs, Scope, Upload
from knowledge_base.notes import MEDIA_TYPE, Note, note_bytes
from knowledge_base.settings import EmbeddingSettings, KnowledgeSettings, ReaderLimits
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import find, open_library, texts

WHEN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOTE = Note("When is the tour?", "At ten.", "Mo", "discord:mo", WHEN, None, "https://chat.test/1")
LIMITS = ReaderLimits(max_file_mb=2, max_import_mb=3, parse_memory_mb=512)


@asynccontextmanager
async def reading(folder):
    """A library whose files are read in a worker process."""
    settings = KnowledgeSettings(busy_seconds=5.0, limits=LIMITS)
    async with Library.open(folder, HashEmbedder(dimension=32), settings) as library:
        yield library, await library.ensure_base("town")


async def filled(library, folder):
    base = await library.ensure_base("town")
    given = folder / "given"
    given.mkdir()
    for name, text in {"a": "The gate opens at nine.", "b": "海边的灯塔建于一八八八年。"}.items():
        (given / name).write_text(text, encoding="utf-8")
    (given / "n").write_bytes(note_bytes(NOTE))
    later = WHEN + timedelta(days=900)
    await library.add(base.base_id, Upload("docs/gate.md", given / "a", "Ada", "discord:ada"))
    await library.add(
        base.base_id,
        Upload("example.com/灯塔", given / "b", media_type=PAGE_TYPE, source="https://example.com/灯塔"),
    )  # fmt: skip
    await library.add(
        base.base_id, Upload("note", given / "n", "Mo", "discord:mo", MEDIA_TYPE, later)
    )
    return base


async def test_a_base_comes_back_whole_on_a_machine_with_another_embedder(tmp_path):
    async with open_library(tmp_path / "one") as one:
        base = await filled(one, tmp_path)
        before = await one.documents(base.base_id)
        bundled = await one.export(base, tmp_path / "base.zip")
        assert (bundled.documents, bundled.missing) == (3, ())
    async with reading(tmp_path / "two") as (two, town):
        async with two.bundle(Upload("base.zip", tmp_path / "base.zip")) as entries:
            states = [await two.restore(town.base_id, entry) for entry in entries]
        assert [added.state for added in states if added] == [AddState.ADDED] * 3
        after = await two.documents(town.base_id)
        kept = ("name", "sha256", "uploader", "uploader_id", "expires_at", "source", "media_type")
        for old, new in zip(before, after, strict=True):
            same = kept if old.media_type != "text/plain" else kept[:-1]
            assert [getattr(old, key) for key in same] == [getattr(new, key) for key in same]
        assert "The gate opens at nine." in texts(await find(two, town.base_id, "gate opens"))
        found = next(d for d in after if d.media_type == MEDIA_TYPE)
        assert await two.note(found) == NOTE
        assert not (await two.verify(town.base_id)).problems
        # And once more: nothing is there twice.
        async with two.bundle(Upload("base.zip", tmp_path / "base.zip")) as entries:
            again = [await two.restore(town.base_id, entry) for entry in entries]
        assert [added.state for added in again if added] == [AddState.UNCHANGED] * 3


async def test_a_base_of_another_embedder_is_embedded_by_the_bundled_one(tmp_path):
    async with open_library(tmp_path / "one") as one:
        await one.export(await filled(one, tmp_path), tmp_path / "base.zip")
    embedder = await open_embedder(EmbeddingSettings(kind="bundled", threads=1))
    async with (
        aclosing(embedder),
        Library.open(tmp_path / "two", embedder, KnowledgeSettings()) as two,
    ):
        town = await two.ensure_base("town")
        async with two.bundle(Upload("base.zip", tmp_path / "base.zip")) as entries:
            for entry in entries:
                await two.restore(town.base_id, entry)
        result = await two.search(
            Scope(frozenset({town.base_id})), "什么时候建的灯塔？", limit=1, legs=Legs.DENSE
        )
        assert texts(result) == ["海边的灯塔建于一八八八年。"]
        verified = await two.verify(town.base_id)
        assert (verified.problems, verified.vectors) == ((), 3)
        await two.export(town, tmp_path / "back.zip")
    async with open_library(tmp_path / "three") as three:
        base = await three.ensure_base("town")
        async with three.bundle(Upload("back.zip", tmp_path / "back.zip")) as entries:
            for entry in entries:
                await three.restore(base.base_id, entry)
        assert texts(await find(three, base.base_id, "gate opens"))[0] == "The gate opens at nine."


ODD_NAMES = {
    "会议　纪要.txt": "会议　纪要.txt",
    "Screenshot 3.04\u202fPM.txt": "Screenshot 3.04\u202fPM.txt",
    "a\u00a0b.txt": "a\u00a0b.txt",
    "灯塔\u200b.txt": "灯塔\u200b.txt",
    "soft\u00adhyphen.txt": "soft\u00adhyphen.txt",
    f"{'folder/' * 90}deep.txt": f"{'folder/' * 90}deep.txt",
    # What acts on a terminal, or on who reads it, is written out, and stays another name.
    "a\nb.txt": "a\\nb.txt",
    "a\\nb.txt": "a\\nb.txt_",
    "\x1b[2Jx.txt": "\\x1b[2Jx.txt",
    "fdp.\u202etxt": "fdp.\\u202etxt",
}


async def test_documents_of_whatever_name_come_back(tmp_path):
    (tmp_path / "given").mkdir()
    async with open_library(tmp_path / "one") as one:
        base = await one.ensure_base("town")
        for number, name in enumerate(ODD_NAMES):
            path = tmp_path / "given" / str(number)
            path.write_text(f"The gate opens at {number}.")
            await one.add(base.base_id, Upload(name, path))
        documents = await one.documents(base.base_id)
        bundled = await one.export(base, tmp_path / "base.zip")
    assert (bundled.documents, bundled.missing) == (len(ODD_NAMES), ())
    async with reading(tmp_path / "two") as (two, town):
        async with two.bundle(Upload("base.zip", tmp_path / "base.zip")) as entries:
            for entry in entries:
                await two.restore(town.base_id, entry)
        came = {d.sha256: d.name for d in await two.documents(town.base_id)}
    wanted = {d.sha256: ODD_NAMES[d.name] for d in documents}
    assert came == wanted


async def test_an_export_that_is_broken_off_leaves_no_file_that_looks_like_one(tmp_path):
    class FullError(OSError):
        """What the system says of a full disk."""

    def full(done, _total):
        if done == 2:
            raise FullError(errno.ENOSPC, "no space left")

    (tmp_path / "out").mkdir()
    async with open_library(tmp_path / "one") as one:
        base = await filled(one, tmp_path)
        with pytest.raises(StorageFullError):
            await one.export(base, tmp_path / "out" / "base.zip", told=full)
        assert list((tmp_path / "out").iterdir()) == []
        bundled = await one.export(base, tmp_path / "out" / "base.zip")
        assert (bundled.documents, bundled.missing) == (3, ())
        with pytest.raises(FileExistsError):
            await one.export(base, tmp_path / "out" / "base.zip")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["base.zip"]


async def test_without_uploaders_nobodys_name_goes_with_it(tmp_path):
    async with open_library(tmp_path / "one") as one:
        await one.export(await filled(one, tmp_path), tmp_path / "base.zip", uploaders=False)
        async with one.bundle(Upload("base.zip", tmp_path / "base.zip")) as entries:
            notes = [path.read_bytes() for told, path in entries if told.media_type == MEDIA_TYPE]
    content = b"".join(
        zipfile.ZipFile(tmp_path / "base.zip").read(name)
        for name in zipfile.ZipFile(tmp_path / "base.zip").namelist()
    )
    assert b"Ada" not in content
    assert b"discord:" not in content
    assert notes == [note_bytes(replace(NOTE, author="", author_id="", link=None))]


async def test_what_is_newer_here_is_not_replaced(tmp_path):
    async with open_library(tmp_path / "one") as one:
        base = await filled(one, tmp_path)
        await one.export(base, tmp_path / "base.zip")
        (tmp_path / "new").write_text("The gate opens at ten.")
        await one.add(base.base_id, Upload("docs/gate.md", tmp_path / "new"))
        async with one.bundle(Upload("base.zip", tmp_path / "base.zip")) as entries:
            outcomes = {e[0].name: await one.restore(base.base_id, e) for e in entries}
        assert outcomes["docs/gate.md"] is None
        assert texts(await find(one, base.base_id, "gate opens"))[0] == "The gate opens at ten."


async def test_an_original_that_is_gone_is_told_and_the_others_go(tmp_path):
    async with open_library(tmp_path / "one") as one:
        base = await filled(one, tmp_path)
        (first, *_others) = await one.documents(base.base_id)
        (tmp_path / "one" / "originals" / first.sha256[:2] / first.sha256).write_text("bad")
        bundled = await one.export(base, tmp_path / "base.zip")
    assert (bundled.documents, bundled.missing) == (2, (first.name,))


def told(name: str, content: bytes, **facts) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    return {"name": name, "file": f"documents/{name}", "sha256": digest, **facts}


def bundle(path, files: dict[str, bytes], documents, **facts):
    manifest = {"format": "lorekeeper base", "version": 1, "documents": documents, **facts}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(manifest))
    return path


GOOD = b"The gate opens at nine."
FILES = {"documents/a": GOOD}


@pytest.mark.parametrize(
    ("files", "documents", "facts", "error"),
    [
        (FILES, [told("a", b"other")], {}, UnreadableDocumentError),
        (FILES, [told("a", GOOD), told("b", GOOD)], {}, UnreadableDocumentError),
        (FILES, [told("a", GOOD), told("a", GOOD)], {}, UnreadableDocumentError),
        (FILES, [told("a", GOOD) | {"name": 7}], {}, UnreadableDocumentError),
        (FILES, [told("a", GOOD) | {"name": "a\x00b"}], {}, UnreadableDocumentError),
        (FILES, [told("a", GOOD)], {"version": 2}, UnreadableDocumentError),
        (FILES, [told("a", GOOD)], {"format": "other"}, UnreadableDocumentError),
        (FILES, "a", {}, UnreadableDocumentError),
        (FILES | {"../../evil": b"x"}, [told("a", GOOD)], {}, UnsafeArchiveError),
        (FILES | {"/etc/evil": b"x"}, [told("a", GOOD)], {}, UnsafeArchiveError),
        (FILES | {"c:\\evil": b"x"}, [told("a", GOOD)], {}, UnsafeArchiveError),
        ({"documents/z": bytes(3 << 20)}, [told("z", bytes(3 << 20))], {}, LimitExceededError),
        (
            {f"documents/{n}": bytes([n]) * (1 << 20) for n in range(5)},
            [told(str(n), bytes([n]) * (1 << 20)) for n in range(5)],
            {},
            LimitExceededError,
        ),
    ],
)
async def test_a_hostile_bundle_is_refused_before_anything_of_it_is_added(
    tmp_path, files, documents, facts, error
):
    path = bundle(tmp_path / "evil.zip", files, documents, **facts)
    async with reading(tmp_path / "two") as (two, town):
        with pytest.raises(error):
            async with two.bundle(Upload("evil.zip", path)):
                pass
        assert await two.documents(town.base_id) == ()
        assert list((tmp_path / "two" / "originals" / "staging").iterdir()) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip", b"PK\x05\x06" + bytes(18)])
async def test_what_is_no_bundle_is_told(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    async with reading(tmp_path / "two") as (two, _town):
        with pytest.raises(RejectedDocumentError):
            async with two.bundle(Upload("x.zip", tmp_path / "x.zip")):
                pass


async def test_a_page_leads_only_to_the_address_that_gives_its_name(tmp_path):
    documents = [told("a", GOOD, source="https://evil.example/", media_type=PAGE_TYPE)]
    path = bundle(tmp_path / "base.zip", FILES, documents)
    async with open_library(tmp_path / "two") as two:
        town = await two.ensure_base("town")
        async with two.bundle(Upload("base.zip", path)) as entries:
            (added,) = [await two.restore(town.base_id, entry) for entry in entries]
    assert added is not None
    assert added.document.source is None
