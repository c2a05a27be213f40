"""What becomes of the files that a page sends, without a browser."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from bot.adapters.web import prepare
from bot.adapters.web.shelves import Shelf
from core.replies import Finished, Progress, TextDelta
from knowledge_base.models import BaseId, KnowledgeBase
from tests.support.scripted_inbox import ScriptedInbox

pytestmark = [
    # Gradio's own threads and sockets are collected when they are, not when a test ends.
    pytest.mark.filterwarnings("default::ResourceWarning"),
    pytest.mark.filterwarnings("default::DeprecationWarning"),
]


async def shelves(_visitor: object) -> list[Shelf]:
    return [Shelf(KnowledgeBase(BaseId(1), "shared", None, None, 1), "shared")]


@pytest.fixture
def visit(tmp_path_factory):
    if "gradio" not in sys.modules:
        prepare(tmp_path_factory.mktemp("uploads"))
    from bot.adapters.web.visit import Visit

    page = SimpleNamespace(uploads="uploads", bases="bases", target="target")
    script = [Progress("reading", 1, 2), TextDelta("Added."), Finished("stop")]
    return Visit(page, ScriptedInbox(script), shelves, None, lambda: None)


@pytest.fixture
def files(tmp_path) -> list[str]:
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in paths:
        path.write_text("text")
    return [str(path) for path in paths]


@pytest.mark.parametrize("leaves", [False, True])
async def test_no_upload_is_left_behind_also_where_the_page_is_closed(
    visit, files, tmp_path, leaves
):
    updates = visit.uploaded(
        files, "shared", [], SimpleNamespace(headers={}, request=SimpleNamespace(scope={}))
    )
    async for _update in updates:
        if leaves:
            break
    await updates.aclose()
    assert list(tmp_path.iterdir()) == []
