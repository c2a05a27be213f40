from __future__ import annotations

import string
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from core.language import DOMAIN, LOCALES, Later, language_of, told, words

ROOT = Path(__file__).resolve().parents[2]
KEYWORDS = {"_": None, "N_": None, "Later": None, "_words": None, "plural": (1, 2)}
CATALOGUES = sorted(LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("When does the library open?", "en"),
        ("图书馆几点开门？", "zh"),
        ("圖書館幾點開門？", "zh"),
        ("When does 星砾山观测站 open?", "en"),
        ("Lanternfold 4.2 版本什么时候发布？", "zh"),
        ("PDF 怎么上传", "zh"),
        ("那周日呢？", "zh"),
        ("図書館は何時に開きますか", "ja"),
        ("도서관은 언제 열려요?", "ko"),
        ("Где библиотека?", "ru"),
        ("42", "en"),
        ("", "en"),
    ],
)
def test_a_question_is_in_the_language_of_its_script_and_grammar(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize("tag", ["zh", "zh-CN", "zh_Hans_CN", "zh-TW", "ZH"])
def test_every_tag_of_a_language_finds_its_catalogue(tag):
    assert words(tag)("Stop") == "停止"


@pytest.mark.parametrize("tag", ["en", "en-GB", "fr", "", None, "../../zh_CN", "x" * 5000])
def test_a_language_without_a_catalogue_is_told_in_english(tag):
    assert words(tag)("Stop") == "Stop"


def test_counts_take_their_forms():
    assert words("en").plural("{count} second", "{count} seconds", 1) == "1 second"
    assert words("en").plural("{count} second", "{count} seconds", 2) == "2 seconds"
    assert words("zh").plural("{count} second", "{count} seconds", 2) == "2 秒"


def test_facts_with_braces_are_shown_as_they_are():
    assert words("en")("There is no text in {name}.", name="{0.__class__}") == (
        "There is no text in {0.__class__}."
    )


def test_what_is_said_later_is_said_with_its_facts_in_the_language_of_who_reads_it():
    reason = Later("expected {expected}", expected="'{x}'")
    sentence = Later("not valid TOML: {reason}", reason=reason)
    assert str(sentence) == "not valid TOML: expected '{x}'"
    assert sentence(words("zh")) == "不是有效的 TOML：此处应为 '{x}'"
    assert told(sentence, words("zh")) == sentence(words("zh"))
    assert told("as it is", words("zh")) == "as it is"


def _said() -> set[str | tuple[str, ...]]:
    found = {
        message
        for package in ("core", "bot")
        for _file, _line, message, _comments, _context in extract_from_dir(
            ROOT / package, method_map=[("**.py", "python")], keywords=KEYWORDS
        )
    }
    return {message for message in found if _first(message).strip()}


def _first(message: str | tuple[str, ...]) -> str:
    return message if isinstance(message, str) else message[0]


def _facts(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parents[1].name)
def test_a_catalogue_has_every_sentence_with_its_facts(path):
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parents[1].name)
    missing = [message for message in _said() if not getattr(catalogue.get(message), "string", "")]
    assert missing == []
    for message in catalogue:
        if not message.id:
            continue
        originals = (message.id,) if isinstance(message.id, str) else message.id
        translated = (message.string,) if isinstance(message.string, str) else message.string
        for text in translated:
            assert text, message.id
            assert _facts(text) == _facts(originals[-1]), message.id
        assert not message.fuzzy, message.id
