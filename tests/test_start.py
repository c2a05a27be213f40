"""`start.py`, in a folder whose name has blanks and 中文."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BOT = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("stopped in order", flush=True), sys.exit(0)))
print("ready:", sys.argv[1:], os.getpid(), os.getcwd(), flush=True)
time.sleep(60)
"""


pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends SIGTERM")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A clone of which nothing is left but what starts it, with a bot that only waits."""
    home = tmp_path / "my bot 中文"
    (home / ".venv" / "bin").mkdir(parents=True)
    (home / "bot").mkdir()
    (home / "bot" / "__main__.py").write_text(BOT)
    for name in ("start.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, home)
    (home / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (home / ".venv" / ".run-installed").touch()
    return home


def test_it_becomes_the_bot_with_its_options_which_a_signal_to_all_ends_once(home, tmp_path):
    with subprocess.Popen(
        [sys.executable, str(home / "start.py"), "--config", "my file.toml"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        # With one, whoever runs the tests would have another bot found than the one here.
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    ) as started:
        assert started.stdout is not None
        ready = f"ready: ['run', '--config', 'my file.toml'] {started.pid} {home}\n"
        assert started.stdout.readline() == ready
        os.killpg(started.pid, signal.SIGTERM)
        assert started.stdout.read() == "stopped in order\n"
        assert started.wait(20) == 0


def test_it_says_so_where_installing_fails(home):
    (home / ".venv" / ".run-installed").unlink()
    python = home / ".venv" / "bin" / "python"
    python.unlink()
    python.write_text("#!/bin/sh\nexit 7\n")
    python.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(home / "start.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.startswith("Installing into .venv")
    assert "pip ended with 7" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_declared_anew_is_installed_anew(home):
    done = home / ".venv" / ".run-installed"
    later = done.stat().st_mtime + 10
    os.utime(home / "pyproject.toml", (later, later))
    checked = subprocess.run(
        [sys.executable, "-c", "import start; print(start.up_to_date())"],
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert checked.stdout == "False\n"
