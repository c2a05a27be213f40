from __future__ import annotations

import io
import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import pytest

from bot.adapters.terminal.desk import Desk
from bot.adapters.terminal.session import Terminal
from core.events import Asked, IncomingMessage, Invocation
from core.feedback import Verdict
from core.language import words
from core.replies import (
    Actions,
    Button,
    CitedPassage,
    Failed,
    Finished,
    Form,
    FormField,
    Menu,
    Sources,
    TextDelta,
)
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


class Writing:
    """Somebody at a prompt: types these lines, and this into the fields of forms; None gives up."""

    fills_in = True

    def __init__(self, lines: Sequence[str], fields: Sequence[str | None]) -> None:
        self._lines = lines
        self._fields = list(fields)
        self.asked: list[tuple[str, str]] = []

    async def lines(self) -> AsyncGenerator[str, None]:
        for line in self._lines:
            yield line

    async def field(self, label: str, value: str) -> str | None:
        self.asked.append((label, value))
        return self._fields.pop(0)


class OneForm:
    """Every note is asked for in this form."""

    async def form_of(self, asked: Asked) -> Form | None:
        assert isinstance(asked, IncomingMessage)
        command = asked.command
        if command is None or command.name != "kb note":
            return None
        until = FormField("until", "Until", settled=True, value="30d")
        fields = (FormField("question", "Question", value="How much?"), FormField("answer", "A"))
        return Form("A question and its answer", (*fields, until), command, token="t0ken")


@dataclass
class Kept:
    """What became of answers."""

    judged: list[tuple[str, Verdict]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def desk(tmp_path, kept):
    def made(inbox) -> Desk:
        async def judge(asked, verdict):
            kept.judged.append((asked.text, verdict))
            return True

        async def remove(asked):
            kept.removed.append(asked.message_id)

        async def bases():
            return ("shared", "手册")

        return Desk(inbox, NoCompletions(), OneForm(), judge, remove, bases, tmp_path / "history")

    return made


@pytest.fixture
def talk(monkeypatch, capsys, desk):
    """Says lines at a terminal without anybody at it; gives what was printed."""

    async def said(inbox, *lines: str) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        await Terminal(desk(inbox), (), words("en")).converse()
        return capsys.readouterr().out

    return said


@pytest.fixture
def typed(capsys, desk):
    """The same with somebody at the prompt, who fills in forms; gives what comes after the hint."""

    async def said(inbox, *lines: str, fields: Sequence[str | None] = ()) -> tuple[str, Writing]:
        writing = Writing(lines, fields)
        await Terminal(desk(inbox), (), words("en"), writing).converse()
        hint, _newline, rest = capsys.readouterr().out.partition("\n")
        assert hint.startswith("Ask about the documents.")
        return rest, writing

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


async def test_the_latest_answer_is_judged(talk, kept):
    out = await talk(ScriptedInbox(SOURCED), "/up", "How much?", "/up", "/down")
    assert kept.judged == [("How much?", Verdict.UP), ("How much?", Verdict.DOWN)]
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


SURE = (
    TextDelta("Remove a.md?"),
    Actions((Menu((Button("confirm:ab12", "Remove"), Button("cancel:ab12", "Cancel"))),)),
    Finished("stop"),
)


async def test_what_can_be_pressed_below_a_reply_is_typed_by_its_number(talk):
    inbox = ScriptedInbox(SURE)
    out = await talk(inbox, "/1", "/kb remove a.md", "/2", "/3")
    asked, pressed = inbox.messages
    assert asked.shows_menus
    assert (pressed.text, pressed.command) == (
        "",
        Invocation("confirm", {"token": "ab12", "answer": "cancel"}),
    )
    none = "Nothing has that number here now.\n"
    shown = "Remove a.md?\n  /1 Remove · /2 Cancel\n"
    assert out == f"{none}{shown}{shown}{none}"


async def test_a_number_is_for_the_latest_reply_alone(talk):
    class Changing(ScriptedInbox):
        def stream(self, message):
            self._events = SURE if message.text.startswith("/kb") else YES
            return super().stream(message)

    inbox = Changing(())
    out = await talk(inbox, "/kb remove a.md", "How much?", "/1")
    assert [message.text for message in inbox.messages] == ["/kb remove a.md", "How much?"]
    assert out.endswith("yes\nNothing has that number here now.\n")


async def test_the_last_question_is_answered_anew_in_the_place_of_its_answer(talk):
    inbox = ScriptedInbox(SOURCED)
    out = await talk(inbox, "/again", "How much?", "/help", "/base 手册", "/again")
    first, _help, again = inbox.messages
    assert again.message_id == first.message_id
    assert (again.text, again.bases) == ("How much?", ("手册",))
    assert out.startswith("There is no question here yet.\n")


async def test_a_question_that_failed_is_asked_again(talk):
    inbox = ScriptedInbox([Failed("It broke off.")])
    await talk(inbox, "How much?", "/again")
    first, again = inbox.messages
    assert (again.text, again.message_id) == (first.text, first.message_id)


async def test_an_answer_is_deleted_once_that_is_meant(talk, kept):
    inbox = ScriptedInbox(SOURCED)
    out = await talk(inbox, "/delete", "How much?", "/delete", "/1", "/1", "/up", "/again")
    (asked,) = inbox.messages
    assert kept.removed == [asked.message_id]
    assert kept.judged == []
    assert out.splitlines()[-6:] == [
        "Delete this answer, and what I remember of the question?",
        "  /1 Yes, delete it",
        "Deleted.",
        "Nothing has that number here now.",
        "There is no answer here yet.",
        "There is no question here yet.",
    ]


async def test_an_answer_is_corrected_in_a_form_and_can_be_made_anew(typed):
    noted = Actions((Menu((Button("regenerate:1", "Answer anew"),)),))

    class Noting(ScriptedInbox):
        def stream(self, message):
            is_form = message.command is not None
            self._events = (TextDelta("Noted."), noted) if is_form else SOURCED
            return super().stream(message)

    inbox = Noting(())
    out, writing = await typed(
        inbox, "How much?", "/correct", "/1", fields=("How much is it?", "Eight.")
    )
    asked, filled, again = inbox.messages
    assert writing.asked == [("Question", "How much?"), ("A", "")]
    assert filled.command == Invocation(
        "form", {"token": "t0ken", "question": "How much is it?", "answer": "Eight."}
    )
    assert again.message_id == asked.message_id
    assert "A question and its answer (Ctrl-C gives it up)\nNoted.\n  /1 Answer anew\n" in out


async def test_a_form_that_is_given_up_changes_nothing(typed):
    inbox = ScriptedInbox(YES)
    out, _writing = await typed(inbox, "/kb note", fields=("How much is it?", None))
    assert inbox.messages == []
    assert out.endswith("Nothing was changed.\n")


async def test_a_pipe_is_asked_for_nothing(talk):
    inbox = ScriptedInbox(SOURCED)
    out = await talk(inbox, "/correct", "How much?", "/correct", "/kb note")
    assert [message.text for message in inbox.messages] == ["How much?", "/kb note"]
    assert "Say it in one line: /kb note answer:ANSWER QUESTION" in out


async def test_a_wrong_command_is_told_by_the_core(typed):
    inbox = ScriptedInbox([Failed("There is no /nonsense.")])
    out, _writing = await typed(inbox, "/nonsense", "/kb remove")
    assert [message.text for message in inbox.messages] == ["/nonsense", "/kb remove"]
    assert out.count("There is no /nonsense.") == 2
