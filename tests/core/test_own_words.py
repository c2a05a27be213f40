"""Which language an answer's own words are in."""

from __future__ import annotations

import pytest

from core.own_words import Tongue, wants_another

HOSTEL = "松塘青年旅舍的床位每晚60元，含早餐。"
LIBRARY = "The reading room is open from 13:00 to 17:00 on Sundays."


def test_quotations_alone_speak_their_own_language():
    assert not Tongue("en", [HOSTEL]).speaks(f"{HOSTEL} [1]")
    assert Tongue("zh", [HOSTEL]).speaks(f"{HOSTEL} [1]")


def test_a_quotation_below_words_of_ours_is_in_the_language_of_those_words():
    told = f"The document says, in its own language:\n> {HOSTEL} [1]"
    assert Tongue("en", [HOSTEL]).speaks(told)
    assert not Tongue("zh", [HOSTEL]).speaks(told)
    assert Tongue("zh", [LIBRARY]).speaks(f"文档原文（未翻译）：\n> {LIBRARY} [1]")


def test_a_translation_of_what_a_document_says_is_no_quotation():
    assert not Tongue("zh", [LIBRARY]).speaks("The room opens at one on Sundays [1].")
    assert Tongue("zh", [LIBRARY]).speaks("阅览室周日 13:00 开门 [1]。")


def test_code_and_figures_speak_every_language():
    assert Tongue("zh").speaks("```sh\nlantern reset-admin\n```\n运行这条命令。")
    assert Tongue("zh").speaks("17:00")
    assert not Tongue("zh").strays("Wicker [1]", so_far=False)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "The library opens at nine every day except on Sundays."),
        ("en", "图书馆除周日外每天九点开门，周日只开放阅览室。"),
        ("ja", "The library opens at nine every day except on Sundays."),
    ],
)
def test_an_answer_in_another_script_strays(language, text):
    assert Tongue(language).strays(text)
    assert not Tongue(language, [text]).strays(text)


def test_a_few_words_say_nothing_of_the_rest_of_an_answer():
    assert not Tongue("zh").strays("Lanternfold 4.2", so_far=True)
    assert Tongue("zh").strays("The library opens at nine. " * 4, so_far=True)


def test_languages_in_latin_letters_are_not_told_apart():
    assert Tongue("fr").speaks("The library opens at nine.")
    assert not Tongue("fr").speaks("图书馆九点开门。")


@pytest.mark.parametrize(
    "question", ["Say it in Chinese", "Translate this, please", "用英文说一遍", "翻译成日语"]
)
def test_who_names_a_language_may_want_the_answer_in_it(question):
    assert wants_another(question)
    assert not wants_another("When does the library open?")
    assert not wants_another("图书馆几点开门？")
