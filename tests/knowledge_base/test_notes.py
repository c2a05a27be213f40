from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.errors import UnreadableDocumentError
from knowledge_base.library import Library
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import Scope, Upload
from knowledge_base.notes import MEDIA_TYPE, Note, note_bytes, note_of
from knowledge_base.settings import KnowledgeSettings, ReaderLimits
from tests.support.hash_embeddings import HashEmbedder

WHEN, LATER = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 12, 20, tzinfo=UTC)
NOTE = Note(
    "谁来喂鲨鱼？\nWho?", "老王。\n\nWalter.", "Mo 🦈", "discord:mo", WHEN, LATER, "https://x"
)


@pytest.mark.parametrize("note", [NOTE, replace(NOTE, expires_at=None, link=None)])
def test_a_note_is_read_as_it_was_written(note):
    assert note_of(note_bytes(note)) == note


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"{}", b"[" * 100_000, note_bytes(NOTE).replace(b"2026-11", b"2026-99")],
)
def test_what_is_no_note_is_none(content):
    assert note_of(content) is None


async def test_a_note_is_a_document_that_ends_in_every_base_it_is_given_to(tmp_path):
    spec = TokenizerSpec(kind="estimate", max_tokens=512)
    now = WHEN
    settings = KnowledgeSettings(busy_seconds=5.0)
    reader = Reader(ReaderLimits(), spec)
    async with Library.open(
        tmp_path / "data", HashEmbedder(), settings, clock=lambda: now, reader=reader
    ) as library:
        one, other = await library.ensure_base("one"), await library.ensure_base("other")
        path = tmp_path / "note"
        path.write_bytes(note_bytes(NOTE))
        upload = Upload("Who.note", path, "Mo", "discord:mo", MEDIA_TYPE, LATER)
        added = await library.add(one.base_id, upload)
        copied = await library.copy(added.document, other.base_id)
        for document in (added.document, copied.document):
            assert (document.media_type, document.expires_at) == (MEDIA_TYPE, LATER)
            assert await library.note(document) == NOTE
        scope = Scope(frozenset({one.base_id, other.base_id}))
        found = await library.search(scope, "谁来喂鲨鱼？")
        assert found.passages[0].chunk.heading == "谁来喂鲨鱼？ Who?"
        assert found.passages[0].chunk.text == "老王。\n\nWalter."
        now = LATER
        assert (await library.search(scope, "谁来喂鲨鱼？")).passages == ()
        # It is there all the same, to be listed and taken out.
        assert [d.name for d in await library.documents(one.base_id)] == ["Who.note"]

        path.write_text("{}")
        with pytest.raises(UnreadableDocumentError):
            await library.add(one.base_id, replace(upload, name="Broken.note"))
        # The same bytes as a file are a file.
        path.write_bytes(note_bytes(replace(NOTE, author="Root")))
        plain = await library.add(one.base_id, Upload("Who else.note", path))
        assert plain.document.media_type == "application/json"
        assert await library.note(plain.document) is None
