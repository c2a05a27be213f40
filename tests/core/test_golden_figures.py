"""Figures of answered golden questions."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from core.golden_figures import (
    WHOLE,
    Answered,
    Figure,
    auroc,
    fallen,
    figures_of,
    newcombe,
    resampled,
    wilson,
)

RIGHT = Answered("1", "fact", "en", True, 1, 0.9, False, True, True, True, 1.0)
REFUSED = Answered("2", "unanswerable", "zh", False, None, 0.1, True, None, None, True, 0.5)


def named(answered, group=WHOLE):
    return {figure.name: figure for figure in figures_of(answered).get(group, ())}


def test_what_is_all_right_is_one_everywhere():
    figures = named([RIGHT] * 10 + [REFUSED] * 5)
    assert figures.keys() == {
        "hit@1", "hit@3", "hit@5", "mrr", "answer", "citation", "refusal precision",
        "refusal recall", "auroc", "language", "seconds", "seconds_95",
    }  # fmt: skip
    assert {f.value for name, f in figures.items() if not name.startswith("seconds")} == {1.0}
    assert figures["answer"].count == 10
    assert figures["refusal recall"].count == 5


def test_figures_come_by_language_by_kind_and_by_both():
    assert list(figures_of([RIGHT, replace(RIGHT, language="zh"), REFUSED])) == [
        "all", "en", "zh", "fact", "unanswerable", "fact, en", "fact, zh", "unanswerable, zh",
    ]  # fmt: skip


def test_a_refused_answerable_question_costs_the_answer_and_the_refusals_precision():
    figures = named([RIGHT, replace(RIGHT, refused=True, held=False, cited=None), REFUSED])
    assert (figures["answer"].value, figures["refusal precision"].value) == (0.5, 0.5)
    assert (figures["citation"].value, figures["citation"].count) == (1.0, 1)


def test_ranks_count_by_their_places():
    ranked = [replace(RIGHT, rank=rank) for rank in (1, 2, 4, None)]
    figures = named(ranked)
    assert [figures[f"hit@{k}"].value for k in (1, 3, 5)] == [0.25, 0.5, 0.75]
    assert figures["mrr"].value == pytest.approx((1 + 0.5 + 0.25) / 4)
    assert figures["mrr"].low < figures["mrr"].value < figures["mrr"].high


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (5, 10, 0.237, 0.763), (80, 100, 0.711, 0.867)],
)
def test_a_shares_interval_is_wilsons(successes, count, low, high):
    assert wilson(successes, count) == (
        pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3)
    )  # fmt: skip


def test_three_questions_prove_nothing_however_right_they_are():
    figures = named([RIGHT] * 3 + [REFUSED] * 3)
    assert (figures["mrr"].low, figures["mrr"].high) == (pytest.approx(0.438, abs=1e-3), 1.0)
    assert (figures["auroc"].low, figures["auroc"].high) == (pytest.approx(0.501, abs=1e-3), 1.0)


@pytest.mark.parametrize(("apart", "auc"), [(0.0, 0.5), (1.0, 0.7602), (2.5, 0.9615)])
def test_an_aurocs_interval_holds_the_true_one_as_often_as_it_says(apart, auc):
    drawn, holds = random.Random(11), 0
    for _ in range(300):
        asked = [drawn.gauss(apart, 1) for _ in range(14)]
        others = [drawn.gauss(0, 1) for _ in range(8)]
        low, high = newcombe(auroc(asked, others), 14, 8)
        holds += low <= auc <= high
    assert 0.92 * 300 <= holds < 300


def test_auroc_counts_ties_by_half():
    assert auroc([0.9, 0.5], [0.5, 0.1]) == pytest.approx(0.875)


def test_resampling_is_the_same_each_time():
    def mean(rows):
        return rows.mean(axis=1)

    assert resampled([0.0, 1.0, 1.0], mean) == resampled([0.0, 1.0, 1.0], mean)


def test_what_fell_is_told_and_times_are_not():
    before = figures_of([RIGHT] * 40)
    worse = [replace(RIGHT, held=False, seconds=9.0)] * 20
    (fell,) = fallen(figures_of([RIGHT] * 20 + worse), before)
    assert (fell[0].name, fell[0].value, fell[1].value) == ("answer", 0.5, 1.0)
    assert fallen(before, before) == ()


def test_one_question_of_eight_is_neither_better_nor_worse():
    seven = [RIGHT] * 7 + [replace(RIGHT, held=False)]
    one, all_right = named(seven)["answer"], named([RIGHT] * 8)["answer"]
    assert one.high < all_right.value
    assert not all_right.rose_above(one)
    assert not one.fell_below(all_right)
    many, few = named([RIGHT] * 80)["answer"], named(seven * 10)["answer"]
    assert few.fell_below(many)
    assert many.rose_above(few)


def test_of_times_the_lower_is_the_better():
    slow, fast = Figure("seconds", 9.0, 8.0, 10.0, 5), Figure("seconds", 1.0, 0.5, 2.0, 5)
    assert slow.fell_below(fast)
    assert fast.rose_above(slow)
