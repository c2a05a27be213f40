"""A parser that crashes, loops or eats memory takes nothing with it but its own file."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.errors import LimitExceededError, UnreadableDocumentError
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import Upload
from knowledge_base.settings import ReaderLimits
from tests.support.crashing import WAYS, crash, crashing

SPEC = TokenizerSpec(kind="estimate", max_tokens=512)
LIMITS = ReaderLimits(parse_seconds=5, parse_memory_mb=256)


@pytest.mark.parametrize("way", WAYS)
async def test_a_crash_costs_its_own_file_and_the_next_is_read(tmp_path: Path, monkeypatch, way):
    if way == "memory" and sys.platform != "linux":
        pytest.skip("only Linux limits a process's memory")
    monkeypatch.setattr(sys, "path", [str(crashing(tmp_path / "hook")), *sys.path])
    reader = Reader(LIMITS, SPEC, workers=1)
    harmless = tmp_path / "harmless.txt"
    harmless.write_text("harmless")
    try:
        assert (await reader.parse(Upload("harmless.txt", harmless))).chunks
        with pytest.raises((UnreadableDocumentError, LimitExceededError)) as raised:
            await reader.parse(Upload("crash.txt", crash(tmp_path / "crash", way)))
        assert raised.value.name == "crash.txt"
        assert (await reader.parse(Upload("harmless.txt", harmless))).chunks
    finally:
        await reader.aclose()
    assert psutil.Process().children(recursive=True) == []
    if isinstance(raised.value, LimitExceededError):
        limits = {"memory": "parse_memory_mb"}
        assert raised.value.key == f"knowledge.{limits.get(way, 'parse_seconds')}"
        assert way in {"memory", "loop", "deep loop"}
