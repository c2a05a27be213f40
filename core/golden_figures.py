"""What answers to golden questions come to: figures with intervals, held against another run.

Pure. The interval of a share or of reciprocal ranks is Wilson's, that of the AUROC Newcombe's: both
have a width where all is right. Those of times come from the same 1,000 resamples of the questions
each time. All at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from core.golden import PLACES
from core.language import N_, Words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

SEED: Final = 20260101
RESAMPLES: Final = 1000
Z: Final = 1.959964
LOWER_IS_BETTER: Final = frozenset({"seconds", "seconds_95"})
WHOLE: Final = "all"
"""The group of all questions."""
_CALLED: Final = {
    "hit@1": N_("right passage first"),
    "hit@3": N_("right passage within three"),
    "hit@5": N_("right passage within five"),
    "mrr": N_("mean reciprocal rank"),
    "answer": N_("answers with the expected words"),
    "citation": N_("answers that cite the right place"),
    "refusal precision": N_("refusals that are right"),
    "refusal recall": N_("unanswerable questions refused"),
    "auroc": N_("answerable told from unanswerable (AUROC)"),
    "language": N_("answers in the question's language"),
    "seconds": N_("seconds to the whole answer, median"),
    "seconds_95": N_("seconds to the whole answer, 95 %"),
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one golden question."""

    golden_id: str
    kind: str
    language: str
    """Of the question."""
    answerable: bool
    rank: int | None
    """Of the first right passage among those that the answer was given."""
    relevance: float
    """Of the best of them."""
    refused: bool
    held: bool | None
    """The answer says one of the expected words; None where none are told."""
    cited: bool | None
    """It cites a passage of the right document and page; None where it cites nothing."""
    in_language: bool
    """Its own words are in the language of its question, whatever it quotes; nothing but quotations
    speaks their language."""
    seconds: float
    failed: bool = False
    """The pipeline said that something went wrong."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a group of questions, and where it lies with 95 %."""

    name: str
    value: float
    low: float
    high: float
    count: int
    """Questions that count for it."""

    def fell_below(self, earlier: Figure) -> bool:
        """Whether it is worse than the intervals of both runs allow."""
        if self.name in LOWER_IS_BETTER:
            return self._lies_above(earlier)
        return earlier._lies_above(self)

    def rose_above(self, earlier: Figure) -> bool:
        """Whether it is better than that."""
        return earlier.fell_below(self)

    def _lies_above(self, other: Figure) -> bool:
        # One of eight that turns right makes it eight of eight, which is above any interval of
        # seven: so each must lie outside the other's.
        return self.value > other.high and other.value < self.low


def called(name: str, _: Words) -> str:
    """A figure's name as people read it."""
    return _(_CALLED[name]) if name in _CALLED else name


Groups: TypeAlias = Mapping[str, tuple[Figure, ...]]


def figures_of(answered: Sequence[Answered]) -> Groups:
    """All figures of all questions, of each language, each kind, and each kind in a language."""
    kinds = list(dict.fromkeys(one.kind for one in answered if one.kind))
    languages = sorted({one.language for one in answered})
    groups = {WHOLE: list(answered)}
    for language in languages:
        groups[language] = [one for one in answered if one.language == language]
    for kind in kinds:
        groups[kind] = [one for one in answered if one.kind == kind]
    for kind in kinds if len(languages) > 1 else ():
        for language in languages:
            own = [one for one in groups[kind] if one.language == language]
            groups[f"{kind}, {language}"] = own
    return {name: _figures(own) for name, own in groups.items() if own}


def fallen(now: Groups, earlier: Groups, group: str = WHOLE) -> tuple[tuple[Figure, Figure], ...]:
    """Those that fell beyond the other run's interval, with what they were; times do not count:
    a busy machine is no worse at answering."""
    before = {figure.name: figure for figure in earlier.get(group, ())}
    return tuple(
        (figure, before[figure.name])
        for figure in now.get(group, ())
        if figure.name in before
        and figure.name not in LOWER_IS_BETTER
        and figure.fell_below(before[figure.name])
    )


def wilson(successes: float, count: int) -> tuple[float, float]:
    """The interval of a share, or of a mean of what lies between 0 and 1: that varies no more."""
    share, z2 = successes / count, Z * Z
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    half /= 1 + z2 / count
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def auroc(answerable: ArrayLike, others: ArrayLike) -> float:
    """How often the relevance of an answerable question is above that of one that is not."""
    import numpy as np

    above = np.subtract.outer(np.asarray(answerable), np.asarray(others))
    return float((above > 0).mean() + (above == 0).mean() / 2)


def newcombe(value: float, answerable: int, others: int) -> tuple[float, float]:
    """The interval of an AUROC (R. Newcombe, "Confidence intervals for an effect size measure based
    on the Mann-Whitney statistic, part 2", 2006, method 5)."""
    more = (answerable + others) / 2 - 1

    def holds(true: float) -> bool:
        spread = 1 + more * (1 - true) / (2 - true) + more * true / (1 + true)
        variance = true * (1 - true) * spread / (answerable * others)
        return abs(value - true) <= Z * math.sqrt(variance)

    return _edge(holds, value, 0.0), _edge(holds, value, 1.0)


def _edge(holds: Callable[[float], bool], inside: float, outside: float) -> float:
    """How far towards `outside` it holds."""
    if holds(outside):
        return outside
    for _ in range(40):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return inside


def resampled(
    values: Sequence[float], of: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[float, float]:
    """The interval of what `of` makes of resamples, given as rows."""
    import numpy as np

    drawn = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    found = of(np.asarray(values, dtype=float)[drawn])
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def _figures(answered: Sequence[Answered]) -> tuple[Figure, ...]:
    asked = [one for one in answered if one.answerable]
    others = [one for one in answered if not one.answerable]
    given = [one for one in asked if not one.refused]
    told = [one for one in asked if one.held is not None]
    refused = [one for one in answered if one.refused]
    found = [
        *(_share(f"hit@{k}", (one.rank is not None and one.rank <= k for one in asked))
          for k in PLACES),
        _mean("mrr", [1 / one.rank if one.rank else 0.0 for one in asked]),
        _share("answer", (one.held is True and not one.refused for one in told)),
        _share("citation", (one.cited is True for one in given)),
        _share("refusal precision", (not one.answerable for one in refused)),
        _share("refusal recall", (one.refused for one in others)),
        _told_apart([one.relevance for one in asked], [one.relevance for one in others]),
        _share("language", (one.in_language for one in answered)),
        _quantile("seconds", [one.seconds for one in answered], 0.5),
        _quantile("seconds_95", [one.seconds for one in answered], 0.95),
    ]  # fmt: skip
    return tuple(figure for figure in found if figure is not None)


def _share(name: str, those: Iterable[bool]) -> Figure | None:
    listed = list(those)
    if not listed:
        return None
    return Figure(name, sum(listed) / len(listed), *wilson(sum(listed), len(listed)), len(listed))


def _mean(name: str, values: Sequence[float]) -> Figure | None:
    if not values:
        return None
    total = sum(values)
    return Figure(name, total / len(values), *wilson(total, len(values)), len(values))


def _quantile(name: str, values: Sequence[float], at: float) -> Figure | None:
    import numpy as np

    low, high = resampled(values, partial(np.quantile, q=at, axis=1))
    return Figure(name, float(np.quantile(values, at)), low, high, len(values))


def _told_apart(answerable: Sequence[float], others: Sequence[float]) -> Figure | None:
    if not answerable or not others:
        return None
    value = auroc(answerable, others)
    low, high = newcombe(value, len(answerable), len(others))
    return Figure("auroc", value, low, high, len(answerable) + len(others))
