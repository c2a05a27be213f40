from __future__ import annotations

import io
import sys

import pytest

from bot.adapters.terminal.session import Desk, Terminal
from core.feedback import Verdict
from core.language import words
from core.replies import Actions, CitedPassage, Finished, Menu, Sources, TextDelta
from tests.support.passages import passage
from tests.support.scripted_inbox import ScriptedInbox
from tests.support.telegram import NoCompletions

YES = (TextDelta("yes"), Finished("stop"))
SOURCED = (
    TextDelta("Seven [1]."),
    Sources((CitedPassage(1, passage("手册.md", "The fee is seven.\nAlways."), True),)),
    Actions((Menu(()),)),
    Finished("stop"),
)


@pytest.fixture
def talk(monkeypatch, capsys, tmp_path):
    """Says lines at a terminal without anybody at it; gives what was printed."""

    async def said(inbox, *lines: str, judged: list | None = None) -> str:
        async def judge(asked, verdict):
            if judged is not None:
                judged.append((asked.text, verdict))
            return True

        async def bases():
            return ("shared", "手册")

        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        desk = Desk(inbox, NoCompletions(), judge, bases, tmp_path / "history")
        await Terminal(desk, (), words("en")).converse()
        return capsys.readouterr().out

    return said


async def test_piped_lines_are_answered_one_by_one(talk):
    inbox = ScriptedInbox(YES)
    assert await talk(inbox, "first", "", "  second ", "/quit", "third") == "yes\nyes\n"
    assert [message.text for message in inbox.messages] == ["first", "second"]


async def test_nothing_is_remembered_of_what_was_piped(talk, tmp_path):
    await talk(ScriptedInbox(YES), "first")
    assert list(tmp_path.iterdir()) == []


async def test_files_come_along_with_kb_add(talk, tmp_path):
    (tmp_path / "my notes.txt").write_text("hello")
    inbox = ScriptedInbox([TextDelta("Added."), Finished("stop")])
    out = await talk(
        inbox,
        f"/kb add '{tmp_path}/my notes.txt'",
        f"/kb add {tmp_path}/missing.txt",
        "/kb add /dev/zero",
        "/kb add https://example.org/x",
    )
    first, second = inbox.messages
    assert first.command is not None
    assert first.command.name == "kb add"
    assert [file.filename for file in first.attachments] == ["my notes.txt"]
    assert (second.command, second.attachments) == (None, ())
    wrong = "Name the files like this: /kb add FILE...\n"
    assert out == f"Added.\n{wrong}{wrong}Added.\n"


async def test_a_whole_passage_is_shown_by_its_number_as_it_stands_now(talk):
    inbox = ScriptedInbox(SOURCED)
    out = await talk(inbox, "How much?", "/sources 1", "/sources 2", "/sources x")
    asked, looked_up = inbox.messages
    assert looked_up.text == "/sources"
    assert looked_up.quoted is not None
    assert looked_up.quoted.message_id == asked.message_id
    missing = "There is no source with that number here.\n"
    opened = "[1] 手册.md (90%)\n\nThe fee is seven.\nAlways.\n"
    assert out == f"Seven [1].\n  [1] 手册.md (90%)\n{opened}{missing}{missing}"


async def test_the_latest_answer_is_judged(talk):
    judged: list = []
    out = await talk(ScriptedInbox(SOURCED), "/up", "How much?", "/up", "/down", judged=judged)
    assert judged == [("How much?", Verdict.UP), ("How much?", Verdict.DOWN)]
    assert out.startswith("There is no answer here yet.\n")
    assert "Noted: 👍." in out
    assert "Noted: 👎." in out


async def test_bases_are_listed_and_chosen(talk):
    inbox = ScriptedInbox(YES)
    out = await talk(inbox, "one", "/base 手册", "two", "/base nope", "/base")
    assert [message.bases for message in inbox.messages] == [None, ("手册",)]
    assert "* 手册\n" in out
    assert "There is no knowledge base `nope`." in out


async def test_help_ends_with_what_there_is_at_this_terminal_alone(talk):
    out = await talk(ScriptedInbox([TextDelta("/ask"), Finished("stop")]), "/help", "/help ask")
    assert out.count("/base [NAME...]") == 1
