"""Reading a file made for one test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge_base.loaders import load
from knowledge_base.models import Section
from knowledge_base.settings import ReaderLimits

Read = Callable[[str, str | bytes], list[Section]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write content under a name and load it."""

    def reading(name: str, content: str | bytes) -> list[Section]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load(path, name, ReaderLimits())

    return reading
