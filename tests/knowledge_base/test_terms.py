"""Terms: what must be found whichever way it was written."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.terms import (
    Terms,
    normalise,
    pack_terms,
    script_of,
    terms_of,
    unpack_terms,
    word_spans,
    words_of,
)


def shared(one: str, other: str) -> int:
    return len(np.intersect1d(terms_of(one).hashes, terms_of(other).hashes))


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("電腦網絡", "电脑网络"),
        ("ＷｉＦｉ", "wifi"),
        ("CAFE", "Café"),
        ("1200", "1,200"),
        ("٣٥", "35"),
        ("1200", "１，２００"),
        ("straße", "STRASSE"),
        ("duong", "đường"),
        ("organisation", "Organisations"),
        ("библиотека", "библиотеки"),
        ("كتاب", "الكِتاب"),
        ("مدرسه", "المدرسة"),
        ("서울", "서울은"),
        ("ห้องสมุด", "ไปห้องสมุดวันนี้"),
        ("पुस्तकालय", "पुस्तकालय में"),
        ("密码", "WiFi密码是什么"),
        ("wifi", "WiFi密码是什么"),
        ("ガラス", "ｶﾞﾗｽの瓶"),
    ],
)
def test_both_ways_of_writing_share_terms(asked, written):
    assert shared(asked, written) > 0


@pytest.mark.parametrize(("one", "other"), [("हिन्दी", "हल्दी"), ("cat", "dog"), ("天气", "气天")])
def test_other_words_share_no_word_or_pair(one, other):
    han = {"天", "气"} & set(one)
    assert shared(one, other) == len(han)


def test_text_without_letters_has_no_terms():
    assert len(terms_of("  …!? ")) == 0
    assert terms_of("").total == 0


def test_null_bytes_and_lone_surrogates_do_no_harm():
    assert np.array_equal(terms_of("ab\0cd \ud800 天\ud800").hashes, terms_of("ab cd 天").hashes)


def test_counts_say_how_often():
    assert terms_of("tea tea tea milk").total == 4
    assert sorted(terms_of("tea tea tea milk").counts.tolist()) == [1, 3]


def test_hashes_are_the_same_in_every_process():
    program = (
        "from knowledge_base.terms import terms_of; print(terms_of('naïve 电脑 x').hashes.sum())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


@given(st.text(st.characters(), max_size=80))
def test_any_text_packs_and_unpacks(text):
    terms = terms_of(text)
    again = unpack_terms(pack_terms(terms))
    assert np.array_equal(again.hashes, terms.hashes)
    assert np.array_equal(again.counts, terms.counts)
    assert again.script == terms.script
    assert np.all(np.diff(terms.hashes.astype(object)) > 0)


@pytest.mark.parametrize(
    "torn", [b"", b"\x02", b"\x01\x01", b"\x02\xff", pack_terms(terms_of("a b"))[:-1]]
)
def test_torn_or_foreign_bytes_are_refused(torn):
    with pytest.raises(ValueError, match="packed terms"):
        unpack_terms(torn)


def test_counts_saturate():
    terms = terms_of("a " * 70_000)
    assert terms.counts.tolist() == [65_535]
    assert isinstance(terms, Terms)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("What is it?", "LATIN"),
        ("这是什么 ABC", "HAN"),
        ("WiFi密码是ABCDEF吗", "HAN"),
        ("ᚠᚢᚦ", "OTHER"),
        ("これは何ですか", "HAN"),
        ("Что это?", "CYRILLIC"),
        ("ما هذا", "ARABIC"),
        ("นี่คืออะไร", "THAI"),
        ("यह क्या है", "DEVANAGARI"),
        ("이것은 무엇", "HANGUL"),
        ("123 …", ""),
    ],
)
def test_script_is_that_of_most_letters(text, script):
    assert script_of(text) == script


def test_normalise_folds_ascii_and_the_rest_alike():
    assert normalise("ABC") == "abc"
    assert normalise("ＡＢＣ國") == "abc国"


def test_word_spans_cut_unspaced_text_in_pairs():
    text = "go 去图书馆"
    assert [text[a:b] for a, b in word_spans(text)] == ["go", "去图", "书馆"]


@given(st.text(st.characters(max_codepoint=127)))
def test_words_of_ascii_are_those_that_they_are_beside_other_letters(text):
    assert [*words_of(text), "é"] == words_of(f"{text} é")
