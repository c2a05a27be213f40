"""What the log tells of a failure, and what it does not."""

from __future__ import annotations

import json
import logging

import pytest

from bot import logs
from bot.settings import LogSettings

ADDRESS = "https://api.example.org/bot123:secret"


@pytest.fixture(autouse=True)
def _as_before():
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    yield
    root.handlers[:], level = kept
    root.setLevel(level)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_tells_where_and_not_what_was_held_there(form, capsys):
    def fails(url: str) -> None:
        raise OSError("no route")

    logs.set_up(LogSettings(format=form))
    try:
        fails(ADDRESS)
    except OSError:
        logging.getLogger("bot").warning("not delivered", exc_info=True)
    written = capsys.readouterr().err
    assert "secret" not in written
    assert "fails" in written
    assert "no route" in written
    if form == "json":
        assert json.loads(written)["event"] == "not delivered"
