from __future__ import annotations

import io
import sys

import pytest

from bot.adapters.terminal.messages import question
from bot.adapters.terminal.replies import Reply
from bot.adapters.terminal.screen import Growing, Running, display, place, show
from core.language import words
from core.replies import (
    Actions,
    CitedPassage,
    Failed,
    FileReply,
    Finished,
    Notice,
    Progress,
    Queued,
    Sources,
    TextDelta,
    TextReplaced,
)
from tests.support.passages import passage
from tests.support.scripted_inbox import ScriptedInbox
from tests.support.small_screen import SmallScreen

SEVEN = passage("handbook.pdf", "Seven.", page=2, heading="Fees › Island", relevance=0.914)
SOURCES = Sources((CitedPassage(1, SEVEN, True), CitedPassage(2, passage(n=2), False)))


async def shown(*events) -> Reply:
    reply = Reply()
    await show(ScriptedInbox(events).stream(question("q", ())), words("en"), reply)
    return reply


async def test_the_answer_and_its_cited_sources_below(capsys):
    reply = await shown(TextDelta("The fee "), TextDelta("is 7. [1]"), SOURCES, Finished("stop"))
    assert capsys.readouterr().out == (
        "The fee is 7. [1]\n  [1] handbook.pdf · page 2 · Fees › Island (91%)\n"
    )
    assert reply.sources == SOURCES.passages


@pytest.mark.parametrize(
    ("language", "relevance", "expected"),
    [
        ("en", 1.0, "手册.md · 退货"),
        ("zh", 1.0, "手册.md · 退货"),
        ("zh", 0.9, "手册.md · 退货（90%）"),
    ],
)
def test_a_relevance_is_told_where_it_was_measured(language, relevance, expected):
    source = CitedPassage(1, passage("手册.md", heading="退货", relevance=relevance), True)
    assert place(source, words(language)) == expected


async def test_a_pipe_gets_every_answer_once_however_it_was_mended(capsys):
    await shown(TextDelta("The fee [9]"), TextReplaced("The fee."), Finished("stop"))
    assert capsys.readouterr().out == "The fee.\n"


async def test_remarks_and_failures_stand_on_their_own_lines(capsys):
    await shown(Queued(2, 3.0), TextDelta("Half"), Notice("I quote."), Failed("It broke off."))
    assert capsys.readouterr().out == "Half\n(I quote.)\nIt broke off.\n"


async def test_what_is_no_answer_lists_no_sources(capsys):
    await shown(TextDelta("[1] handbook.pdf"), SOURCES, Actions(()), Finished("stop"))
    assert capsys.readouterr().out == "[1] handbook.pdf\n"


async def test_an_answer_that_was_stopped_says_so(capsys):
    await shown(TextDelta("Half"), Finished("cancelled"))
    assert capsys.readouterr().out == "Half\n[stopped]\n"


async def test_a_file_of_the_reply_is_written_over_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answer.md").write_text("mine")
    await shown(FileReply("../answer.md", "text/markdown", b"long"))
    assert (tmp_path / "answer.md").read_text() == "mine"
    assert (tmp_path / "answer-1.md").read_text() == "long"
    assert capsys.readouterr().out == "answer-1.md\n"


async def test_what_a_terminal_would_act_upon_does_not_reach_it(capsys):
    await shown(TextDelta("a\x1b]0;title\x07b"), Notice("\x1b[2J"), Finished("stop"))
    assert "\x1b" not in capsys.readouterr().out


class _Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_terminal(monkeypatch, **environ: str) -> _Tty:
    """Standard output is a terminal; standard input is none."""
    out = _Tty()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for name, value in {"TERM": "xterm", "NO_COLOR": "", **environ}.items():
        monkeypatch.setenv(name, value)
    return out


async def test_a_dumb_terminal_gets_each_piece_as_it_comes_and_no_sequences(monkeypatch):
    tty = at_terminal(monkeypatch, TERM="dumb")
    assert isinstance(display(words("en")), Running)
    await shown(TextDelta("The **fee** "), TextDelta("is 7."), SOURCES, Finished("stop"))
    assert tty.getvalue().startswith("The **fee** is 7.\n  [1] ")
    assert "\x1b" not in tty.getvalue()


async def test_a_dumb_terminal_gets_a_mended_answer_anew(monkeypatch):
    tty = at_terminal(monkeypatch, TERM="dumb")
    await shown(TextDelta("The fee [9]"), TextReplaced("The fee."))
    assert tty.getvalue() == "The fee [9]\nThe fee.\n"


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
async def test_colours_are_there_only_where_they_are_wanted(monkeypatch, no_color, coloured):
    tty = at_terminal(monkeypatch, NO_COLOR=no_color)
    await shown(TextDelta("Run `it`.\n\n```python\nreturn 7\n```"), Finished("stop"))
    assert ("\x1b[1;36m" in tty.getvalue()) == coloured
    assert "return" in tty.getvalue()


class Now:
    """A clock that stands."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def test_frames_are_drawn_now_and_then_and_the_end_always(monkeypatch):
    at_terminal(monkeypatch)
    screen, clock = SmallScreen(columns=40, rows=8), Now()
    monkeypatch.setattr("bot.output.move", screen.write)
    growing = Growing("Mended:", clock=clock, size=screen.size)
    growing.show("", "waiting, place 2")
    assert screen.all == ["waiting, place 2"]
    growing.show("One", "")
    assert screen.all == ["waiting, place 2"]
    clock.seconds = 1.0
    growing.show("One two", "")
    growing.show("One two three", "")
    assert screen.all == ["One two"]
    growing.end("One two three four")
    assert screen.all == ["One two three four"]


async def test_a_long_answer_that_is_mended_above_the_screen_is_printed_again_from_there(
    monkeypatch,
):
    at_terminal(monkeypatch)
    screen, clock = SmallScreen(columns=40, rows=6), Now()
    monkeypatch.setattr("bot.output.move", screen.write)
    growing = Growing("Mended:", clock=clock, size=screen.size)
    paragraphs = [f"Paragraph {n}." for n in range(12)]
    growing.show("\n\n".join(paragraphs), "")
    paragraphs[2] = "Paragraph 2 [1]."
    growing.end("\n\n".join(paragraphs))
    shown = [line for line in screen.all if line]
    again = shown[shown.index("Mended:") + 1 :]
    assert shown[:12] == [f"Paragraph {n}." for n in range(12)]
    assert again == paragraphs[2:]


async def test_progress_takes_the_place_of_itself(monkeypatch):
    tty = at_terminal(monkeypatch)
    await shown(Progress("embedding", 1, 2), Progress("embedding", 2, 2), TextDelta("Added."))
    assert tty.getvalue().endswith("Added.\x1b[K\x1b[J\r\n")
