"""Killed at any instant and started again: every question has exactly one complete answer."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.answering_child import LIMIT, answer_to
from tests.support.recording_outbox import RecordingOutbox

QUESTIONS = 15
KILLS = 8
ROOT = Path(__file__).parents[2]


def start(folder: Path, mode: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.support.answering_child", str(folder), str(QUESTIONS), mode],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize("mode", ["keys", "plain"])
def test_every_question_has_exactly_one_complete_answer_after_any_kill(tmp_path, mode):
    chance = random.Random(mode)
    for _ in range(KILLS):
        with start(tmp_path, mode) as child:
            # The moment is the point of the test, not something waited for.
            time.sleep(chance.random() * 0.5)
            child.kill()
    with start(tmp_path, mode) as child:
        assert child.wait(timeout=60) == 0

    platform = RecordingOutbox(journal=tmp_path / "journal")
    platform.close()
    for number in range(QUESTIONS):
        shown = [m.text for m in platform.messages.values() if m.channel == f"dm-{number}"]
        unfinished = [text for text in shown if text.endswith("▌")]
        whole = " ".join(text for text in shown if not text.endswith("▌"))
        assert whole == "".join(answer_to(number))
        assert all(len(text) <= LIMIT for text in shown)
        if mode == "keys":
            assert unfinished == []


@pytest.mark.soak
def test_a_hundred_kills_later_it_still_holds(tmp_path):
    chance = random.Random(5)
    for round_ in range(12):
        folder = tmp_path / str(round_)
        folder.mkdir()
        test_every_question_has_exactly_one_complete_answer_after_any_kill(
            folder, chance.choice(["keys", "plain"])
        )
