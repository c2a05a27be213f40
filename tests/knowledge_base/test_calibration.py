"""Calibration: what a base's own sentences tell about an embedder."""

import numpy as np
import pytest

from knowledge_base.calibration import (
    Calibration,
    DenseProfile,
    RelevanceModel,
    Signals,
    calibrate,
    evidence,
    expected,
    measure,
    pseudo_questions,
    rank_scores,
    relevance,
    replaced,
    standardise,
)
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


def signals(z, lexical, known=0.9, foreign=False, trust=1.0, rivals=100):
    return Signals(
        np.array(z, float),
        np.array(lexical, float),
        np.full(len(z), known),
        np.full(len(z), foreign),
        trust,
        np.full(len(z), rivals),
    )


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


def test_cosines_squeezed_together_standardise_like_others():
    cosines = RNG.normal(0.1, 0.1, size=200)
    wide = standardise(cosines, cosines, DenseProfile("", 0.1, 0.1, 1.0))
    squeezed = 0.8 + cosines / 10
    narrow = standardise(squeezed, squeezed, DenseProfile("", 0.81, 0.01, 1.0))
    assert np.allclose(wide, narrow)


def test_in_a_tiny_base_the_profile_speaks_for_the_missing_neighbours():
    profile = DenseProfile("", 0.75, 0.02, 1.0)
    near = standardise(np.array([0.88]), np.array([0.88]), profile)
    far = standardise(np.array([0.76]), np.array([0.76]), profile)
    assert near[0] == pytest.approx(6.5)
    assert far[0] == pytest.approx(0.5)


def test_relevance_is_a_probability_that_rises_with_either_signal():
    by_meaning = relevance(signals([0.0, 2.0, 5.0], [0.3, 0.3, 0.3]))
    by_words = relevance(signals([4.0, 4.0, 4.0], [0.0, 0.2, 0.5]))
    for values in (by_meaning, by_words):
        assert np.all(np.diff(values) > 0)
        assert np.all((values > 0) & (values < 1))


def test_nothing_in_common_is_refused_and_everything_is_not():
    assert relevance(signals([1.0], [0.05], known=0.3))[0] < 0.1
    assert relevance(signals([5.5], [0.45]))[0] > 0.9


def test_an_untrusted_leg_changes_nothing():
    without = signals([0.0, 0.0], [0.1, 0.4], trust=0.0)
    with_noise = signals([9.0, -9.0], [0.1, 0.4], trust=0.0)
    assert np.array_equal(relevance(without), relevance(with_noise))
    assert np.array_equal(rank_scores(without), rank_scores(with_noise))


def test_words_the_base_does_not_know_leave_the_say_to_meaning():
    known = rank_scores(signals([5.0, 0.0], [0.0, 0.35], known=0.9))
    foreign = rank_scores(signals([5.0, 0.0], [0.0, 0.35], known=0.02))
    assert known[0] < known[1]
    assert foreign[0] > foreign[1]
    assert relevance(signals([5.5], [0.0], known=0.02, foreign=True))[0] > 0.5


def test_what_a_chunk_in_another_script_is_expected_to_share():
    known = expected(0.8, np.array([0.1, 0.3]), np.array([True, False]))
    assert known.tolist() == [0.1, 0.8]


def test_the_model_is_a_value_that_can_be_replaced():
    strict = RelevanceModel(1, 0, -100, 0, 0, 0, 0, -100)
    assert relevance(signals([5.0], [0.4]), strict)[0] < 1e-9


def test_evidence_lies_between_nothing_and_everything():
    assert evidence(np.array([0.0, 1.0]), np.array([0.0, 1.0])).tolist() == [0.0, 0.75]


def test_other_words_keep_at_least_half_of_a_long_question():
    terms = terms_of(" ".join(f"word{n}" for n in range(400)))
    other = replaced(terms, terms_of("tea milk").hashes, np.random.default_rng(1))
    kept = np.isin(terms.hashes, other.hashes).mean()
    assert 0.4 < kept <= 1.0


def test_calibration_survives_storage_and_ages():
    calibration = Calibration("f", 100, (DenseProfile("", 0.8, 0.02, 1.0),))
    assert Calibration.from_json(calibration.to_json()) == calibration
    assert calibration.fits("f", 100)
    assert calibration.fits("f", 199)
    assert not calibration.fits("f", 201)
    assert not calibration.fits("f", 49)
    assert not calibration.fits("g", 100)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"fingerprint": "f", "chunks": 1, "profiles": [1]}']
)
def test_foreign_json_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        Calibration.from_json(text)
