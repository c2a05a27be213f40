"""Entries that are kept whole."""

from __future__ import annotations

import pytest

from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.loaders import load_as, media
from knowledge_base.loaders.source import Source
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import Section, Upload
from knowledge_base.settings import ReaderLimits

STEPS = "# Not a heading here\n\n- one\n- two\n\n## Nor here\n\nThree."


def read(tmp_path, text: str) -> list[Section]:
    path = tmp_path / "entry.md"
    path.write_text(text, encoding="utf-8")
    return load_as(Source(path, "entry.md", media.ENTRY))


def test_the_first_line_is_the_heading_and_all_else_one_section(tmp_path):
    assert read(tmp_path, f"Steps  to take\n\n{STEPS}\n") == [Section(STEPS, "Steps to take")]
    assert read(tmp_path, "步骤\n\n先这样。\n\n再那样。") == [
        Section("先这样。\n\n再那样。", "步骤")
    ]


def test_a_title_alone_is_the_text(tmp_path):
    assert read(tmp_path, "Nothing more\n") == [Section("Nothing more")]


@pytest.mark.parametrize(("words", "pieces"), [(80, 1), (300, 2)])
async def test_it_is_one_passage_as_far_as_the_embedder_reads(tmp_path, words, pieces):
    paragraphs = [f"Sentence number {n:04} goes here now." for n in range(words // 6)]
    path = tmp_path / "entry.md"
    path.write_text("Steps\n\n" + "\n\n".join(paragraphs), encoding="utf-8")
    # Of a tokenizer that is not at hand each byte counts as a token.
    reader = Reader(ReaderLimits(), TokenizerSpec(kind="estimate", max_tokens=1100), 1)
    try:
        made = await reader.parse(Upload("entry.md", path, media_type=media.ENTRY))
        split = await reader.parse(Upload("entry.md", path))
    finally:
        await reader.aclose()
    assert made.media_type == media.ENTRY
    assert len(made.chunks) == pieces
    assert {chunk.heading for chunk in made.chunks} == {"Steps"}
    assert split.media_type == media.MARKDOWN
