"""Suggestions from questions whose answers are known."""

from __future__ import annotations

import math
import random

from core.golden import Golden, Outcome
from core.tuning import LEAST, advised, at, compared, curve, plotted, searched, verdict


def found(relevance, rank=1):
    return Outcome(Golden("Q?", "a.md"), rank, relevance, ("a.md",))


def lost(relevance):
    return Outcome(Golden("Q?"), None, relevance, ("a.md",))


CLEAR = [found(0.7 + n / 100) for n in range(20)] + [lost(0.1 + n / 100) for n in range(20)]


def test_a_threshold_that_refuses_too_much_is_replaced_by_one_between():
    advice = advised(CLEAR, 0.8, 5)
    assert advice.threshold is not None
    assert 0.3 < advice.threshold < 0.7
    assert advice.threshold_gain.helps


def test_where_all_is_well_nothing_is_suggested():
    advice = advised(CLEAR, 0.5, 5)
    assert advice.empty
    assert not advice.threshold_gain.helps


def test_noise_is_no_reason():
    drawn = random.Random(7)
    noisy = [found(drawn.random()) for _ in range(15)] + [lost(drawn.random()) for _ in range(15)]
    assert advised(noisy, 0.5, 5).threshold is None


KEPT = (
    0.898, 0.933, 0.826, 0.994, 0.75, 0.581, 0.309, 0.087, 0.976, 0.52, 0.933, 0.476, 0.936, 0.087,
    0.704, 0.41,
)  # fmt: skip
REFUSED = (0.086, 0.256, 0.041, 0.077, 0.028, 0.086, 0.186, 0.023)
TWO_DOZEN = [found(own) for own in KEPT] + [lost(own) for own in REFUSED]


def test_two_dozen_questions_are_enough_where_hardly_any_is_answered():
    advice = advised(TWO_DOZEN, 0.95, 5)
    assert advice.threshold is not None
    assert 0.26 < advice.threshold < 0.31
    assert 0 < advice.threshold_gain.low < advice.threshold_gain.value < 0.45
    assert advised(TWO_DOZEN, 0.5, 5).threshold is None


def test_thresholds_are_hardly_ever_suggested_by_chance():
    drawn = random.Random(3)

    def asked(middle):
        return 1 / (1 + math.exp(-drawn.gauss(middle, 1.5)))

    sets = (
        [found(asked(1.5)) for _ in range(16)] + [lost(asked(-1.5)) for _ in range(8)]
        for _ in range(100)
    )
    # The middle is the best there is: whatever is suggested is chance.
    assert sum(advised(own, 0.5, 5).threshold is not None for own in sets) <= 3


def test_an_interval_of_few_questions_is_as_wide_as_it_says():
    drawn = random.Random(5)
    holds = 0
    for _ in range(300):
        ranks = [drawn.choice((1, 2, 4)) for _ in range(8)]
        gain = compared([found(0.9, rank=4)] * 8, [found(0.9, rank=rank) for rank in ranks])
        holds += gain.low <= (1 + 1 / 2 + 1 / 4) / 3 - 1 / 4 <= gain.high
    assert holds >= 0.92 * 300


def test_an_interval_has_a_width_where_all_questions_agree():
    gain = advised([found(0.9)] * 6 + [lost(0.1)] * 5, 1, 5).threshold_gain
    assert 0 < gain.low < gain.value == gain.high == 0.5


def test_three_of_five_that_rank_better_may_be_chance():
    better = [found(0.9, rank=1)] * 3 + [found(0.9, rank=2)] * 2
    assert not compared([found(0.9, rank=2)] * 5, better).helps
    assert compared([found(0.9, rank=2)] * 20, better * 4).helps


def test_too_few_of_a_kind_suggest_no_threshold():
    few = [found(0.9)] * 20 + [lost(0.1)] * (LEAST - 1)
    assert advised(few, 0.99, 5).threshold_gain is None


def test_more_passages_are_suggested_where_they_hold_what_fewer_do_not():
    deep = [found(0.9, rank=7)] * 10 + [found(0.9)] * 10
    advice = advised(deep, 0.5, 5)
    assert (advice.passages, advice.passages_gain.value) == (8, 0.5)
    assert advised(deep, 0.5, 10).passages is None


def test_ways_of_searching_are_compared_on_the_same_questions():
    gain = compared([found(0.9, rank=2)] * 10, [found(0.9, rank=1)] * 10)
    assert (gain.value, gain.helps) == (0.5, True)
    assert compared([found(0.9)] * 2, [found(0.9)] * 2) is None


def test_a_way_that_ranks_better_and_refuses_worse_is_not_proven():
    usual = [found(0.9, rank=2)] * 20 + [lost(0.1)] * 20
    better = [found(0.9, rank=1)] * 20 + [lost(0.1)] * 20
    assert verdict(usual, better, 0.5).is_proven
    # Two of forty are answered without an answer: that may be chance, and is not shown to be.
    careless = better[:-2] + [lost(0.9)] * 2
    made = verdict(usual, careless, 0.5)
    assert (made.ranks_better, made.refuses_worse, made.is_proven) == (True, True, False)
    assert made.refusing.high >= 0


def test_a_threshold_keeps_and_refuses_shares():
    point = at(CLEAR, 0.795)
    assert (point.kept[0], point.refused[0]) == (0.5, 1.0)
    assert at([], 0.5).kept is None
    assert [own.threshold for own in curve(CLEAR)][::10] == [0.0, 0.5, 1.0]


def test_the_plot_marks_what_holds_and_what_is_suggested():
    lines = plotted(curve(CLEAR)[::5], 0.75, 0.5, width=4).splitlines()
    assert lines == [
        "  0.00 |####|    |",
        "  0.25 |####|=== |",
        " >0.50 |####|====|",
        "* 0.75 |### |====|",
        "  1.00 |    |====|",
    ]
    # Between two rows the nearer one is marked.
    between = plotted(curve(CLEAR)[::5], 0.9, 0.35, width=1).splitlines()
    assert [line[:6] for line in between if line[:2].strip()] == [" >0.25", "* 1.00"]


def test_figures_of_a_search_are_those_that_a_search_alone_tells():
    assert list(searched(CLEAR)) == ["hit@1", "hit@3", "hit@5", "mrr", "auroc"]
    assert searched([]) == {}
