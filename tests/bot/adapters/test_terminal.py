from __future__ import annotations

import io
import sys

from bot.adapters.terminal import Answer, Screen, Terminal, ask, question
from core.language import words
from core.replies import (
    CitedPassage,
    Failed,
    FileReply,
    Finished,
    Notice,
    Queued,
    Sources,
    TextDelta,
    TextReplaced,
    Usage,
)
from tests.support.passages import passage
from tests.support.scripted_inbox import ScriptedInbox

SEVEN = passage("handbook.pdf", "Seven.", page=2, heading="Fees › Island", relevance=0.914)
SOURCES = Sources((CitedPassage(1, SEVEN, True), CitedPassage(2, passage(n=2), False)))


async def shown(*events) -> None:
    inbox = ScriptedInbox(events)
    await Screen(words("en")).show(inbox.stream(question("q", ())))


async def test_a_whole_answer_is_gathered():
    inbox = ScriptedInbox(
        [TextDelta("Sev"), TextDelta("en."), SOURCES, Finished("stop", Usage(3, 2))]
    )
    answer = await ask(inbox, question("How much?", ("samples",)))
    assert answer == Answer("Seven.", False, SOURCES.passages, Usage(3, 2), None)
    assert inbox.messages[0].bases == ("samples",)


async def test_a_mended_text_replaces_what_came_before():
    answer = await ask(
        ScriptedInbox([TextDelta("Six [9]"), TextReplaced("Six")]), question("q", ())
    )
    assert answer.text == "Six"


async def test_a_failure_is_kept_apart_from_the_text():
    answer = await ask(ScriptedInbox([TextDelta("Se"), Failed("No model.")]), question("q", ()))
    assert (answer.text, answer.failure) == ("Se", "No model.")


def test_no_base_leaves_the_choice_to_the_core():
    assert question("q", ()).bases is None


async def test_the_answer_streams_and_its_cited_sources_follow(capsys):
    await shown(TextDelta("The fee "), TextDelta("is 7. [1]"), SOURCES, Finished("stop"))
    assert capsys.readouterr().out == (
        "The fee is 7. [1]\n  [1] handbook.pdf · page 2 · Fees › Island (91%)\n"
    )


async def test_a_mended_text_goes_on_or_is_printed_anew(capsys):
    await shown(TextDelta("The fee"), TextReplaced("The fee is 7."))
    await shown(TextDelta("The fee [9]"), TextReplaced("The fee."))
    assert capsys.readouterr().out == "The fee is 7.\nThe fee [9]\nThe fee.\n"


async def test_remarks_and_failures_stand_on_their_own_lines(capsys):
    await shown(Queued(2, 3.0), TextDelta("Half"), Notice("I quote."), Failed("It broke off."))
    assert capsys.readouterr().out == "Half\n(I quote.)\nIt broke off.\n"


async def test_a_file_of_the_reply_is_written_over_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answer.md").write_text("mine")
    await shown(FileReply("../answer.md", "text/markdown", b"long"))
    assert (tmp_path / "answer.md").read_text() == "mine"
    assert (tmp_path / "answer-1.md").read_text() == "long"
    assert capsys.readouterr().out == "answer-1.md\n"


async def test_piped_lines_are_answered_one_by_one(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "stdin", io.StringIO("first\n\n  second \n/quit\nthird\n"))
    inbox = ScriptedInbox([TextDelta("yes"), Finished("stop")])
    await Terminal(inbox, ("samples",), words("en"), tmp_path / "history").converse()
    assert [message.text for message in inbox.messages] == ["first", "second"]
    assert capsys.readouterr().out == "yes\nyes\n"


async def test_files_come_along_with_kb_add(monkeypatch, capsys, tmp_path):
    (tmp_path / "my notes.txt").write_text("hello")
    lines = f"/kb add '{tmp_path}/my notes.txt'\n/kb add {tmp_path}/missing.txt\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    inbox = ScriptedInbox([TextDelta("Added."), Finished("stop")])
    await Terminal(inbox, (), words("en"), tmp_path / "history").converse()
    (message,) = inbox.messages
    assert message.command is not None
    assert message.command.name == "kb add"
    assert [file.filename for file in message.attachments] == ["my notes.txt"]
    assert capsys.readouterr().out == "Added.\nName the files like this: /kb add FILE...\n"
