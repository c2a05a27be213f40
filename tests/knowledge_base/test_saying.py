"""Whether a passage says what is asked, and not only what it is about."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.lexical import LexicalIndex, weigh
from knowledge_base.saying import LEARNT, Signs, asked, revised, signs
from knowledge_base.terms import normalise, pack_terms, terms_of, word_terms, words_of
from tests.support.passages import passage

HUT = "The hut has 38 beds. It stands above the tree line. Half board costs 41 crowns in summer."
BOAT = "The book boat calls at Copt Head on the third Tuesday. It lends films and games."
LIBRARY = "图书馆周一闭馆。读者一次可以借五册图书。总馆在槐湾路。"
STATION = "观测站的夜间观星每场限四十人。门票九十元。"
OTHERS = (HUT, BOAT, LIBRARY, STATION)


def weighed(question, *texts):
    index = LexicalIndex()
    index.add(np.arange(len(texts)), [pack_terms(terms_of(text)) for text in texts])
    terms = terms_of(question)
    return weigh(terms, index.statistics(terms))


def told(question, text, above="", relevance=0.5, margin=0.0):
    return signs(asked(question, weighed(question, *OTHERS)), text, above, relevance, margin)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many beds does the hut have?", HUT),
        ("Where does the book boat lend films?", BOAT),
        ("图书馆星期几闭馆？", LIBRARY),
        ("夜间观星每场限多少人？", STATION),
    ],
)
def test_what_says_it_holds_more_of_the_question_than_what_does_not(question, text):
    own = told(question, text)
    others = [told(question, other) for other in OTHERS if other is not text]
    assert all(own.held > other.held and own.close > other.close for other in others)


def test_words_that_only_ask_count_for_nothing_where_there_are_others():
    short, long = "beds of the hut", "How many beds are there in the hut, and what are they for?"
    one, other = (asked(own, weighed(own, *OTHERS)) for own in (short, long))
    assert one.wanted == other.wanted
    assert sum(own.weight for own in one.wanted) == pytest.approx(1.0)


def test_a_question_of_words_that_only_ask_still_wants_something():
    assert asked("What is it?", weighed("What is it?", *OTHERS)).wanted


def test_a_question_of_chinese_question_words_alone_wants_nothing():
    assert revised("什么时候？", weighed("什么时候？", *OTHERS), [passage(text=HUT)], [1.0]) == [
        passage(text=HUT)
    ]


def test_words_near_each_other_say_more_than_words_far_apart():
    near = "The hut has beds. " + "It rains here. " * 5
    far = "The hut is high. " + "It rains here. " * 5 + "Beds are elsewhere."
    one, other = told("hut beds", near), told("hut beds", far)
    assert one.held == other.held
    assert one.close > other.close


def test_what_stands_above_a_passage_stands_beside_each_of_its_sentences():
    bare = told("beds of the hut", "There are 38 beds.")
    headed = told("beds of the hut", "There are 38 beds.", above="hut rules")
    assert headed.held > bare.held
    assert headed.close > bare.close


def test_a_name_and_a_number_that_are_not_there_are_counted_two_at_most():
    assert told("Who slept in the hut of Korva in 1887?", HUT).absent == 2
    assert told("Who slept in the hut of Korva, Vessaby and Skerrow?", HUT).absent == 2
    assert told("How are the 38 beds?", HUT).absent == 0


def test_a_word_in_another_form_counts_for_nearly_as_much():
    exact, other = told("observations", "The observations."), told("observations", "He observed.")
    assert 0 < other.held < exact.held


WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        "hut huts observations observed élève eleve naïve naive ångström angstrom 1887 18 1,887 "
        "WiFi WiFi密码 密码 观测站 观测 한국어 한국abc abc한국 öffnen offnen алфавит الكتاب",
    )
)


@given(st.lists(WORDS, min_size=1), st.lists(WORDS | st.sampled_from([". ", "。", "\n"])))
def test_words_that_are_passed_over_have_no_term_of_the_questions(question, text):
    wanted = asked(" ".join(question), weighed(" ".join(question), *OTHERS))
    written = " ".join(text)
    every = frozenset(term for word in words_of(written) for term in word_terms(word))
    exactly = [own.found(normalise(written), every) for own in wanted.wanted]
    assert wanted.found(written) == exactly


def test_the_likeliest_comes_first_and_each_has_its_own_probability():
    question = "How many beds does the hut have?"
    found = revised(
        question,
        weighed(question, *OTHERS),
        [passage(text=BOAT, relevance=0.6), passage(text=HUT, n=2, relevance=0.59)],
        [0.30, 0.29],
    )
    assert [own.chunk.text for own in found] == [HUT, BOAT]
    assert found[0].relevance > found[1].relevance


def test_a_passage_in_another_script_keeps_what_the_search_found():
    question = "How many beds does the hut have?"
    (found,) = revised(
        question, weighed(question, *OTHERS), [passage(text=LIBRARY, relevance=0.6)], [0.3]
    )
    assert found.relevance == pytest.approx(0.6)


def test_where_the_bases_do_not_use_the_questions_words_no_word_tells_anything():
    question = "Wie viele Betten gibt es?"
    (found,) = revised(
        question, weighed(question, *OTHERS), [passage(text=HUT, relevance=0.7)], [0.3]
    )
    assert found.relevance == pytest.approx(0.7)


def test_each_sign_speaks_the_way_that_its_name_says():
    usual = Signs(odds=0.0, margin=0.1, held=0.5, close=0.5, absent=1)
    for better in (
        replace(usual, odds=1.0),
        replace(usual, margin=0.2),
        replace(usual, held=0.6),
        replace(usual, close=0.6),
        replace(usual, absent=0),
    ):
        assert LEARNT.of(better) > LEARNT.of(usual)


def test_by_words_alone_what_is_probable_is_surer_and_what_is_not_as_well():
    said = Signs(odds=2.0, margin=0.4, held=1.0, close=1.0, absent=0)
    other = Signs(odds=-4.0, margin=0.0, held=0.2, close=0.1, absent=2)
    assert LEARNT.of(said, trust=0.0) > LEARNT.of(said, trust=0.5) > LEARNT.of(said) > 0
    assert LEARNT.of(other, trust=0.0) < LEARNT.of(other, trust=0.5) < LEARNT.of(other) < 0


@pytest.mark.parametrize(
    ("question", "text"),
    [("How many beds does the hut have?", HUT), ("图书馆星期几闭馆？", LIBRARY)],
)
def test_each_passage_is_judged_by_the_say_that_the_dense_leg_has_in_it(question, text):
    wanted = weighed(question, text, *OTHERS)
    alone, both = (
        revised(question, wanted, [passage(text=text, relevance=0.9)], [0.5], trust)[0].relevance
        for trust in ([0.0], None)
    )
    assert alone > both


def test_no_passage_and_no_text_are_no_failure():
    question = "How many beds?"
    assert revised(question, weighed(question, *OTHERS), [], []) == []
    (found,) = revised(question, weighed(question, *OTHERS), [passage(text="")], [0.0])
    assert 0 < found.relevance < 1
