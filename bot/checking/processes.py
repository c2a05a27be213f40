"""Who else works on the data directory."""

from __future__ import annotations

import contextlib
from pathlib import Path

from knowledge_base.leases import is_held


def somebody_else(data_dir: Path) -> bool:
    """Whether another process has it open. Blocks."""
    with contextlib.suppress(OSError):
        return any(is_held(path) for path in (data_dir / "processes").iterdir())
    return False
