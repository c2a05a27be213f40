"""A data directory that takes nothing: one sentence at the start, and not a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shell import environment

MOUNTED = (
    "mount --bind {data} {data} && mount -o remount,ro,bind {data} && exec {python} -m bot run"
)


def run(folder: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command or (sys.executable, "-m", "bot", "run"),
        cwd=folder,
        env=environment(folder) | {"LOREKEEPER__WEB__PORT": "0"} | environ,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def may_mount() -> bool:
    tried = ["unshare", "-Urm", "true"]
    try:
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def test_a_data_directory_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = run(tmp_path, LOREKEEPER__DATA_DIR="file")
    assert done.returncode == 2
    assert "data_dir: nothing can be stored in" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "console list",
        "console remove ann",
        "keys revoke 0123456789ab",
        "keys list",
        "admit",
        "jobs list",
        "jobs pause retention",
        "forget discord:1 --yes",
        "kb list",
    ],
)
def test_every_command_that_stores_says_so_too(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    tried = (sys.executable, "-m", "bot", *command.split())
    done = run(tmp_path, *tried, LOREKEEPER__DATA_DIR="file")
    assert done.returncode == 2
    assert "data_dir: nothing can be stored in" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not may_mount(), reason="needs a mount namespace of its own")
def test_a_data_directory_that_became_read_only_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    data = tmp_path / "data"
    kb = (sys.executable, "-m", "bot", "kb", "list", "--base", "shared")
    run(tmp_path, *kb)
    before = sorted(path.name for path in data.rglob("*"))
    assert "knowledge.db" in before
    line = MOUNTED.format(data=data, python=sys.executable)
    done = run(tmp_path, "unshare", "-Urm", "sh", "-c", line)
    assert done.returncode == 2, done.stderr
    assert "data_dir: nothing can be stored in" in done.stderr
    assert os.strerror(30) in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in data.rglob("*")) == before
