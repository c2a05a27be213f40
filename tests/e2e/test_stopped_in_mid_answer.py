"""A process that is told to end, or is killed, while the model in it writes an answer."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.shell import bot, environment
from tests.support.smollm2 import needs_smollm2

DOCUMENT = "The lighthouse of Halden was built in 1911. Its keeper was called Ida Brandt.\n"
QUESTION = "Who kept the lighthouse of Halden?"
PROGRAM = """
import sys
from core.engines import llama_cpp

made, words = llama_cpp._receiver, 0


def telling(chunks, stop):
    receive = made(chunks, stop)

    def heard(chunk):
        global words
        words += any(choice["delta"].get("content") for choice in chunk.get("choices", ()))
        if words == 2:
            print("in mid-answer", file=sys.stderr, flush=True)
            # Else a short answer is over before the signal arrives.
            stop.wait(60)
        if stop.is_set():
            print("told to stop", file=sys.stderr, flush=True)
        return receive(chunk)

    return heard


llama_cpp._receiver = telling
from bot.cli import main

main()
"""
CONFIGURATION = """
[engine]
model = "bundled"
max_answer_tokens = 800
context_window = 2048
[knowledge.folders]
shared = "papers"
"""


@contextmanager
def answering(folder: Path):
    """`chat --once`, from the second word of its answer on; yields it and its own processes."""
    (folder / "papers").mkdir()
    (folder / "papers" / "halden.md").write_text(DOCUMENT)
    (folder / "config.toml").write_text(CONFIGURATION)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "chat", "--once", QUESTION, "--base", "shared"],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said = []
        while not (said and "in mid-answer" in said[-1]):
            said.append(process.stderr.readline())
            assert said[-1], said
        yield process, psutil.Process(process.pid).children(recursive=True)
    finally:
        process.kill()
        process.communicate()


def all_gone(processes: list[psutil.Process]) -> bool:
    _gone, alive = psutil.wait_procs(processes, 30)
    return not alive


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_in_mid_answer_it_stops_the_model_first_and_leaves_in_good_order(
    tmp_path, number
):
    needs_smollm2()
    with answering(tmp_path) as (process, children):
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 1, stderr
        assert "told to stop" in stderr
        assert stderr.splitlines()[-1].startswith("Stopped.")
        assert stdout == ""
        assert all_gone(children)


def test_killed_in_mid_answer_it_leaves_no_process_and_the_next_one_finds_everything(tmp_path):
    needs_smollm2()
    with answering(tmp_path) as (process, children):
        process.kill()
        assert process.wait(60) == -signal.SIGKILL
        assert all_gone(children)
    (document,) = bot(tmp_path, "kb", "list", "--json").rows
    assert "halden.md" in document.values()
