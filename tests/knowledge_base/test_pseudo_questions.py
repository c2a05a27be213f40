"""What a base's own sentences tell about an embedder."""

import numpy as np
import pytest

from knowledge_base.pseudo_questions import calibrate, measure, pseudo_questions, replaced
from knowledge_base.terms import terms_of

RNG = np.random.default_rng(7)
ENGLISH = [
    f"The museum of {town} keeps {number} paintings of ships by masters of the northern school. "
    f"Visitors from abroad come to {town} by train on the first Sunday of every month."
    for town, number in zip(
        ("Arden", "Brill", "Corvo", "Dunmore", "Eskil", "Farholm", "Gant", "Hollin"),
        range(11, 90, 10),
        strict=False,
    )
]
CHINESE = [
    f"{name}图书馆位于市中心的河边，收藏了许多古代地图和航海日志。每逢星期日上午九点开放，读者可以免费入内参观。"
    for name in ("东山", "西林", "南湖", "北溪", "高桥", "长岭", "白沙", "青田")
]


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def embedded(questions, chunks, likeness):
    """Questions whose vectors lean towards their own chunk by `likeness`."""
    noise = unit(RNG.normal(size=(len(questions), chunks.shape[1])))
    return unit(noise + likeness * chunks[[q.chunk for q in questions]])


def test_pseudo_questions_are_repeatable_fragments_of_their_chunk():
    made = pseudo_questions(ENGLISH + CHINESE, 12, seed=3)
    assert made == pseudo_questions(ENGLISH + CHINESE, 12, seed=3)
    assert len(made) == 12
    for question in made:
        text = (ENGLISH + CHINESE)[question.chunk]
        assert question.whole in text
        assert set(question.text) - {" "} <= set(text)
        assert len(question.text) < len(question.whole)
    assert {q.script for q in made} == {"LATIN", "HAN"}


@pytest.mark.parametrize("texts", [[], [""], ["…", "12"], ["short one"]])
def test_texts_that_say_nothing_make_no_question(texts):
    assert pseudo_questions(texts) == []


def test_a_small_base_is_asked_several_times():
    made = pseudo_questions(ENGLISH[:2], 16)
    assert len(made) > 8
    assert {q.chunk for q in made} == {0, 1}


def test_an_embedder_is_trusted_where_it_tells_passages_apart():
    texts = ENGLISH + CHINESE
    chunks = unit(RNG.normal(size=(len(texts), 64)))
    questions = pseudo_questions(texts, 32)
    likeness = np.array([2.0 if q.script == "LATIN" else 0.05 for q in questions])[:, None]
    vectors = embedded(questions, chunks, likeness)
    measured = measure("f", questions, vectors, chunks, len(texts))
    assert measured is not None
    assert measured.profile("LATIN").trust > 0.9
    assert measured.profile("HAN").trust < 0.2
    assert measured.profile("THAI") == measured.profile("")
    assert measured.profile("LATIN").abroad() != measured.profile("LATIN")


def test_a_base_of_one_chunk_cannot_be_measured():
    questions = pseudo_questions(ENGLISH[:1])
    chunks = unit(RNG.normal(size=(1, 8)))
    assert measure("f", questions, embedded(questions, chunks, 1.0), chunks, 1) is None
    assert measure("f", [], chunks[:0], unit(RNG.normal(size=(4, 8))), 4) is None


async def test_calibrate_asks_the_base_about_itself():
    chunks = unit(RNG.normal(size=(len(ENGLISH), 64)))

    async def embed_query(text):
        own = max(range(len(ENGLISH)), key=lambda n: sum(w in ENGLISH[n] for w in text.split()))
        return unit(chunks[own] + RNG.normal(size=64)[None] / 16)[0]

    calibration = await calibrate("f", ENGLISH, chunks, len(ENGLISH), embed_query)
    assert calibration is not None
    assert (calibration.fingerprint, calibration.chunks) == ("f", len(ENGLISH))
    assert calibration.profile("LATIN").trust > 0.3
    assert await calibrate("f", ["…"], chunks[:1], 1, embed_query) is None


def test_other_words_keep_at_least_half_of_a_long_question():
    terms = terms_of(" ".join(f"word{n}" for n in range(400)))
    other = replaced(terms, terms_of("tea milk").hashes, np.random.default_rng(1))
    kept = np.isin(terms.hashes, other.hashes).mean()
    assert 0.4 < kept <= 1.0
