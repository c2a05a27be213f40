from __future__ import annotations

import os

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from bot.adapters.terminal.choices import Choices
from bot.adapters.terminal.completion import CommandCompleter, typing
from bot.adapters.terminal.desk import LOCAL
from bot.adapters.terminal.messages import question
from core.language import words
from core.replies import Button, Menu

CHOICES = Choices((Menu((Button("confirm:1", "Remove"), Button("cancel:1", "Cancel"))),))
NAMES = ["fees 2026.md", "ferry.md", "手册.md"]


class Suggesting:
    """Knows some documents, and what it was asked."""

    def __init__(self) -> None:
        self.asked = []

    async def complete(self, message, option, typed):
        self.asked.append((message.command.name, dict(message.command.options), option, typed))
        return [name for name in [*NAMES, "evil\x1b[2J"] if name.startswith(typed)]


async def offered(text: str, suggesting: Suggesting | None = None) -> list[tuple[str, int]]:
    completer = CommandCompleter(
        suggesting or Suggesting(),
        lambda: question("", ("shared",)),
        lambda: (*CHOICES.commands(), *LOCAL),
        lambda: ("shared", "手册"),
        words("en"),
    )
    event = CompleteEvent(text_inserted=True)
    found = completer.get_completions_async(Document(text), event)
    return [(one.text, one.start_position) async for one in found]


async def texts(text: str, suggesting: Suggesting | None = None) -> list[str]:
    return [text for text, _start in await offered(text, suggesting)]


async def test_commands_are_completed_by_their_names_with_what_they_are_for():
    assert {"/kb search", "/kb show", "/kb stats"} <= set(await texts("/kb s"))
    assert {"/sources", "/stop", "/stats"} <= set(await texts("/s"))
    assert await offered("/qu") == [("/quit", -3)]


async def test_what_can_be_pressed_is_completed_by_its_number():
    assert await offered("/1") == [("/1", -2)]
    assert {"/1", "/2"} <= set(await texts("/"))


async def test_each_command_is_there_once():
    everything = await texts("/")
    assert len(everything) == len(set(everything))


async def test_a_question_is_left_alone():
    assert await texts("how much is /kb") == []


async def test_names_of_documents_come_from_the_core_for_this_place():
    suggesting = Suggesting()
    assert await offered("/kb remove fe", suggesting) == [("fees 2026.md", -2), ("ferry.md", -2)]
    assert suggesting.asked == [("kb remove", {}, "name", "fe")]


async def test_a_name_that_a_terminal_would_act_upon_is_not_put_in():
    assert await texts("/kb remove evil") == []


async def test_a_value_with_blanks_before_another_one_is_quoted():
    assert ('"fees 2026.md"', -2) in await offered("/kb rename fe")
    suggesting = Suggesting()
    await texts('/settings "engine" f', suggesting)
    assert suggesting.asked == [("settings", {"name": "engine"}, "value", "f")]


async def test_options_by_name_and_their_choices_are_completed():
    assert ("where:", -1) in await offered("/settings w")
    assert await texts("/settings where:s") == ["server"]
    assert await texts("/ask private:") == ["yes", "no"]


async def test_choices_of_the_table_are_completed():
    assert await texts("/kb review 7 a") == ["accept"]


async def test_bases_are_completed_for_each_word():
    assert await texts("/base shared 手") == ["手册"]


async def test_paths_are_completed_behind_kb_add(tmp_path):
    (tmp_path / "my notes.txt").write_text("")
    assert await texts(f"/kb add {tmp_path}{os.sep}my") == [" notes.txt"]


@pytest.mark.parametrize("text", ["", "/", "/kb", "/nothing of ours ", "/privacy ", "/stop x"])
def test_where_no_option_is_typed_there_is_none(text):
    assert typing(text) is None
