"""Bytes of unknown encoding become the text their writer wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.loaders.encoding import decode

SIMPLIFIED = "槐湾社区图书馆周一闭馆，读者每次可以借书五册，借期为三十天。逾期每天罚款一角。"
TRADITIONAL = "圖書館星期一休館，讀者每次可以借書五冊，借期為三十天。逾期每天罰款一元，請準時歸還。"
JAPANESE = "図書館は月曜日がお休みです。本は五冊まで、二週間借りることができます。"
RUSSIAN = "Библиотека закрыта по понедельникам, читатели могут взять до пяти книг на месяц."
POLISH = "Biblioteka jest zamknięta w poniedziałki, a czytelnicy mogą wypożyczyć pięć książek."
FRENCH = (
    "La bibliothèque est fermée le lundi ; les élèves naïfs empruntent « cinq » livres à l’été."
)
GERMAN = (
    "Die Bücherei ist montags geschlossen, Schüler dürfen fünf Bücher ausleihen – größere nicht."
)


@pytest.mark.parametrize("text", [SIMPLIFIED, TRADITIONAL, RUSSIAN, FRENCH, "plain", "naïve"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_with_or_without_a_mark(text, encoding):
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("text", [SIMPLIFIED, TRADITIONAL, f"标题\n{SIMPLIFIED}", "plain words 1"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_without_a_mark(text, encoding):
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLIFIED, "gbk"),
        (SIMPLIFIED, "gb18030"),
        (SIMPLIFIED[:12], "gbk"),
        (SIMPLIFIED * 2000, "gbk"),
        (TRADITIONAL, "big5"),
        (TRADITIONAL[:12], "big5"),
        (TRADITIONAL * 2000, "big5"),
        (TRADITIONAL, "gbk"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (RUSSIAN, "cp1251"),
        (POLISH, "cp1250"),
        (FRENCH, "cp1252"),
        (GERMAN, "cp1252"),
        ("A naïve café", "cp1252"),
        ("Price: £5 – “new”", "cp1252"),
    ],
)
def test_legacy_encodings_are_told_from_the_text(text, encoding):
    assert decode(text.encode(encoding)) == text


def test_a_few_broken_bytes_do_not_change_the_encoding():
    content = SIMPLIFIED.encode() + b"\xff" + SIMPLIFIED.encode()

    assert decode(content) == f"{SIMPLIFIED}\ufffd{SIMPLIFIED}"


def test_a_text_cut_within_a_character_keeps_the_rest():
    assert decode(SIMPLIFIED.encode()[:-1]).startswith(SIMPLIFIED[:-1])


@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_there_is_a_text(content):
    assert isinstance(decode(content), str)


@given(st.text(min_size=1))
def test_utf8_is_always_right(text):
    try:
        content = text.encode()
    except UnicodeEncodeError:
        return
    if not any(mark in text for mark in "\x00\ufeff"):
        assert decode(content) == text
