from __future__ import annotations

import pytest

from bot.adapters.terminal.choices import Choices, is_number
from core.buttons import answer_menu
from core.language import words
from core.replies import Button, CitedPassage, Menu, Sources
from tests.support.passages import passage

ASKED = Menu((Button("confirm:7", "Remove", "danger"), Button("cancel:7", "Cancel")))
LANGUAGE = Menu(
    (Button("set:language:en", "English"), Button("set:language:zh", "中文")),
    "language",
    "set:language:zh",
)


def test_buttons_are_counted_over_all_menus_and_what_holds_has_a_star():
    assert Choices((ASKED, LANGUAGE)).lines() == [
        "  /1 Remove · /2 Cancel",
        "  language: /3 English · /4 中文*",
    ]


def test_a_number_is_its_button_and_any_other_is_none():
    choices = Choices((ASKED, LANGUAGE))
    assert choices.typed("/1") == ASKED.buttons[0]
    assert choices.typed("/4") == LANGUAGE.buttons[1]
    for text in ("/0", "/5", "1", "/١", "/1 2", "/9999"):
        assert choices.typed(text) is None
    assert Choices().typed("/1") is None


@pytest.mark.parametrize("text", ["/1", "/12"])
def test_a_number_is_told_from_a_question(text):
    assert is_number(text)
    assert not is_number(f"{text}st Street?")


def test_what_every_answer_has_takes_no_number():
    sources = Sources((CitedPassage(1, passage("a.md", "A."), True),))
    menu = answer_menu(sources, words("en"))
    assert menu.buttons
    assert Choices((menu, ASKED)).lines() == ["  /1 Remove · /2 Cancel"]
