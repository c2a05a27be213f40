"""What stands above each passage behind an answer."""

from __future__ import annotations

import pytest

from core.history import StoredSource
from core.language import words
from core.ports import Capabilities
from core.source_pages import OpenedSource, pages_of
from knowledge_base.models import UNMEASURED
from tests.support.passages import passage


@pytest.mark.parametrize(
    ("language", "relevance", "cited", "expected"),
    [
        ("en", 0.914, True, "added 2026-05-04 · relevance 91 %"),
        ("en", 0.914, False, "added 2026-05-04 · relevance 91 %, not cited"),
        ("en", UNMEASURED, True, "added 2026-05-04"),
        ("en", UNMEASURED, False, "added 2026-05-04 · not cited"),
        ("zh", 0.914, True, "添加于 2026-05-04 · 相关度 91%"),
        ("zh", UNMEASURED, False, "添加于 2026-05-04 · 未引用"),
    ],
)
def test_a_relevance_is_told_where_it_was_measured(language, relevance, cited, expected):
    found = passage(relevance=relevance)
    source = StoredSource(1, found.chunk.chunk_id, cited, relevance, found.document.name)
    (page,) = pages_of([OpenedSource(source, found)], Capabilities(2000), words(language))
    assert page.split("\n")[0].endswith(f"`handbook.md` · {expected}")
