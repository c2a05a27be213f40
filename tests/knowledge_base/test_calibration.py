"""Calibration: what signals mean, and how probable they make it that a passage is about it."""

import numpy as np
import pytest

from knowledge_base.calibration import (
    Calibration,
    DenseProfile,
    RelevanceModel,
    Signals,
    evidence,
    expected,
    rank_scores,
    relevance,
    standardise,
)

RNG = np.random.default_rng(7)


def signals(z, lexical, known=0.9, foreign=False, trust=1.0, rivals=100):
    return Signals(
        np.array(z, float),
        np.array(lexical, float),
        np.full(len(z), known),
        np.full(len(z), foreign),
        trust,
        np.full(len(z), rivals),
    )


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
