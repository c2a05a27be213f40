"""Leases and locks between processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from knowledge_base.errors import (
    StorageBusyError,
)
from knowledge_base.leases import Lease, locked


def test_a_lease_lives_as_long_as_its_process(tmp_path: Path) -> None:
    mine = Lease.take(tmp_path)
    code = (
        "import sys; from pathlib import Path; from knowledge_base.leases import Lease\n"
        "lease = Lease.take(Path(sys.argv[1])); print(lease.holder, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    other = process.stdout.readline().strip()
    assert mine.alive(other)
    assert mine.alive(mine.holder)
    assert not mine.alive("0" * 32)
    process.kill()
    process.communicate()
    assert not mine.alive(other)
    mine.sweep()
    assert [path.name for path in tmp_path.iterdir()] == [mine.holder]
    mine.release()


def test_a_lock_is_waited_for_and_then_told(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, 1.0), pytest.raises(StorageBusyError), locked(path, 0.05):
        pass
    with locked(path, 0.0):
        pass
