"""Which threshold and how many passages suit questions whose answers are known. Pure.

A threshold is never judged by a question that it was chosen by: each question is judged by the one
that all others choose. What helps no more than chance would is not suggested.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from core.golden import Outcome
from core.golden_figures import SEED, WHOLE, Answered, Figure, Z, figures_of, wilson
from core.language import language_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEARCHED: Final = ("hit@1", "hit@3", "hit@5", "mrr", "auroc")
LEAST: Final = 5
"""Questions with an answer, and without one, for a threshold to be chosen."""
PASSAGES: Final = (3, 5, 8, 10)
"""How many are looked at."""
MOST: Final = max(PASSAGES)
_RESAMPLES: Final = 2000
_ROWS: Final = 21
_SLIGHT: Final = 0.01
"""Of the questions: what may be decided worse by chance."""


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better one way is than another on the same questions, with 95 %."""

    value: float
    low: float
    high: float

    @property
    def helps(self) -> bool:
        """Beyond noise."""
        return self.low > 0


@dataclass(frozen=True, slots=True)
class At:
    """What a threshold comes to; shares with their intervals."""

    threshold: float
    kept: tuple[float, float, float] | None
    """Of the answerable questions, those that get an answer; None: there are none."""
    refused: tuple[float, float, float] | None
    """Of the unanswerable."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What is suggested; None where nothing helps."""

    threshold: float | None
    threshold_gain: Gain | None
    """Of the best, whether it helps or not; None: there are too few questions of a kind."""
    passages: int | None
    passages_gain: Gain | None

    @property
    def empty(self) -> bool:
        return self.threshold is None and self.passages is None


def at(outcomes: Sequence[Outcome], threshold: float) -> At:
    """What a threshold comes to."""
    asked = [own.relevance >= threshold for own in outcomes if own.golden.is_answerable]
    others = [own.relevance < threshold for own in outcomes if not own.golden.is_answerable]
    return At(threshold, _share(asked), _share(others))


def curve(outcomes: Sequence[Outcome]) -> tuple[At, ...]:
    """All thresholds in steps of 0.05."""
    return tuple(at(outcomes, round(n / (_ROWS - 1), 2)) for n in range(_ROWS))


def advised(outcomes: Sequence[Outcome], threshold: float, passages: int) -> Advice:
    """What to change of what holds now; the outcomes are of `MOST` passages at least."""
    chosen, gain = _other_threshold(outcomes, threshold)
    count, more = _other_passages(outcomes, passages)
    return Advice(
        chosen if gain is not None and gain.helps else None,
        gain,
        count if more is not None and more.helps else None,
        more,
    )


def searched(outcomes: Sequence[Outcome]) -> dict[str, Figure]:
    """Figures of searches by name, as far as a search alone tells them."""
    answered = [
        Answered(
            golden_id=str(number),
            kind="",
            language=language_of(own.golden.question),
            answerable=own.golden.is_answerable,
            rank=own.rank,
            relevance=own.relevance,
            refused=False,
            held=None,
            cited=None,
            in_language=True,
            seconds=0.0,
        )
        for number, own in enumerate(outcomes)
    ]
    found = figures_of(answered)[WHOLE] if answered else ()
    return {figure.name: figure for figure in found if figure.name in SEARCHED}


def compared(one: Sequence[Outcome], other: Sequence[Outcome]) -> Gain | None:
    """How much better `other` ranks the same questions, by reciprocal ranks."""
    pairs = zip(one, other, strict=True)
    return _paired([
        _reciprocal(b) - _reciprocal(a) for a, b in pairs if a.golden.is_answerable
    ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether another way of searching is worth it; None where there are too few questions."""

    ranking: Gain | None
    """By reciprocal ranks."""
    refusing: Gain | None
    """By the shares that are answered and refused rightly, under the threshold that holds."""

    @property
    def is_proven(self) -> bool:
        """It ranks better beyond noise, and no more is wrongly answered or refused."""
        return self.ranks_better and not self.refuses_worse

    @property
    def ranks_better(self) -> bool:
        return self.ranking is not None and self.ranking.helps

    @property
    def refuses_worse(self) -> bool:
        # Whoever is to switch it on has to show that it does no harm, not we that it does.
        return self.refusing is not None and self.refusing.value < -_SLIGHT


def verdict(usual: Sequence[Outcome], other: Sequence[Outcome], threshold: float) -> Verdict:
    """The same questions searched in another way, held against the usual one."""
    pairs = list(zip(usual, other, strict=True))
    right = [float(_is_right(b, threshold)) - float(_is_right(a, threshold)) for a, b in pairs]
    return Verdict(compared(usual, other), _paired(right))


def _is_right(outcome: Outcome, threshold: float) -> bool:
    """Answered where there is an answer, refused where there is none."""
    return (outcome.relevance >= threshold) == outcome.golden.is_answerable


def plotted(points: Sequence[At], now: float, suggested: float | None, width: int = 20) -> str:
    """A picture in letters: a row a threshold, `#` what is answered, `=` what is refused."""
    lines = []
    holds = _nearest(points, now)
    better = None if suggested is None else _nearest(points, suggested)
    for place, point in enumerate(points):
        marks = ("*" if place == holds else " ") + (">" if place == better else " ")
        bars = (_bar(point.kept, "#", width), _bar(point.refused, "=", width))
        lines.append(f"{marks}{point.threshold:.2f} |{bars[0]}|{bars[1]}|")
    return "\n".join(lines)


def _nearest(points: Sequence[At], threshold: float) -> int:
    """The row that stands for a threshold."""
    return min(range(len(points)), key=lambda place: abs(points[place].threshold - threshold))


def _bar(share: tuple[float, float, float] | None, letter: str, width: int) -> str:
    return " " * width if share is None else (letter * round(share[0] * width)).ljust(width)


def _share(those: list[bool]) -> tuple[float, float, float] | None:
    if not those:
        return None
    return (sum(those) / len(those), *wilson(sum(those), len(those)))


def _reciprocal(outcome: Outcome) -> float:
    return 1 / outcome.rank if outcome.rank else 0.0


def _other_threshold(outcomes: Sequence[Outcome], now: float) -> tuple[float | None, Gain | None]:
    import numpy as np

    asked = np.array([own.relevance for own in outcomes if own.golden.is_answerable])
    others = np.array([own.relevance for own in outcomes if not own.golden.is_answerable])
    if min(len(asked), len(others)) < LEAST:
        return None, None
    chosen = np.array([_best(np.delete(asked, n), others) for n in range(len(asked))])
    kept = (asked >= chosen).astype(np.float64) - (asked >= now)
    chosen = np.array([_best(asked, np.delete(others, n)) for n in range(len(others))])
    refused = (others < chosen).astype(np.float64) - (others < now)
    return _best(asked, others), _gain(kept, refused)


def _gain(*kinds: NDArray[np.float64]) -> Gain:
    """The mean of the kinds' means: they weigh alike, however many there are of each.

    A percentile interval of resamples is too narrow where there are few; it is widened as T.
    Hesterberg tells ("What Teachers Should Know About the Bootstrap", 2015, expanded percentiles),
    and one more question to which it makes no difference is drawn from: however alike all are, the
    next may be another.
    """
    import numpy as np

    random = np.random.default_rng(SEED)
    more = [np.append(own, 0.0) for own in kinds]
    drawn = [own[random.integers(0, len(own), (_RESAMPLES, len(own)))].mean(axis=1) for own in more]
    end = _tail(min(len(own) for own in more))
    low, high = np.quantile(np.mean(drawn, axis=0), (end, 1 - end))
    # Sums of eighths and thirds miss nought by a hair.
    value = float(np.mean([own.mean() for own in kinds]))
    return Gain(*(round(own, 12) for own in (value, float(low), float(high))))


def _tail(count: int) -> float:
    """The share of resamples of so many that lie beyond either end of an interval at 95 %."""
    z, freedom = Z, count - 1
    # Student's t by its expansion around the normal distribution.
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return NormalDist().cdf(-t * math.sqrt(count / freedom))


def _best(asked: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """In the middle of the widest gap between relevances that is best."""
    import numpy as np

    edges = np.unique(np.concatenate([[0.0], asked, others, [1.0]]))
    middles = (edges[1:] + edges[:-1]) / 2
    kept = 1 - np.searchsorted(np.sort(asked), middles) / len(asked)
    refused = np.searchsorted(np.sort(others), middles) / len(others)
    quality = kept + refused
    best = np.flatnonzero(quality >= quality.max() - 1e-12)
    widest = best[np.argmax(np.diff(edges)[best])]
    return round(float(middles[widest]), 2)


def _other_passages(outcomes: Sequence[Outcome], now: int) -> tuple[int | None, Gain | None]:
    """The fewest more that find what fewer do not."""
    asked = [own for own in outcomes if own.golden.is_answerable]
    found: tuple[int | None, Gain | None] = (None, None)
    for count in (own for own in PASSAGES if own > now):
        gain = _paired([float(_within(own, count)) - _within(own, now) for own in asked])
        if gain is not None and gain.helps:
            return count, gain
        found = (count, gain)
    return found


def _within(outcome: Outcome, count: int) -> bool:
    return outcome.rank is not None and outcome.rank <= count


def _paired(differences: Sequence[float]) -> Gain | None:
    if len(differences) < LEAST:
        return None
    import numpy as np

    return _gain(np.asarray(differences))
