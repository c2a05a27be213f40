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
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("stopped in order", flush=True), sys.exit(0)))
print("ready:", sys.argv[1:], flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="sends SIGTERM")
def test_it_runs_the_bot_with_its_options_and_ends_it_when_told_to_end(tmp_path):
    home = tmp_path / "my bot 中文"
    (home / ".venv" / "bin").mkdir(parents=True)
    (home / "bot").mkdir()
    (home / "bot" / "__main__.py").write_text(BOT)
    for name in ("start.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, home)
    (home / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (home / ".venv" / ".run-installed").touch()
    with subprocess.Popen(
        [sys.executable, str(home / "start.py"), "--config", "my file.toml"],
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "ready: ['run', '--config', 'my file.toml']\n"
        started.send_signal(signal.SIGTERM)
        assert started.stdout.readline() == "stopped in order\n"
        assert started.wait(20) == 0
