"""Measures two things against each other, alternately and in one process.

A figure that stands alone says more about the machine than about the code, so every figure of
BENCHMARKS.md is a ratio against a peer, or stands beside a limit, measured in the same run.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

PAIRS = 9


@dataclass(frozen=True, slots=True)
class Pairs:
    """Seconds of both sides, pair by pair."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Ours over theirs, sorted."""
        return sorted(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)

    def spread(self) -> str:
        """The smallest and the largest ratio."""
        return f"{self.ratios[0]:.3f} to {self.ratios[-1]:.3f}"


async def measure(
    ours: Callable[[int], Awaitable[object]],
    theirs: Callable[[int], Awaitable[object]],
    pairs: int = PAIRS,
) -> Pairs:
    """Runs ABAB…; each side gets the number of the pair. The order within a pair alternates."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for pair in range(pairs):
        sides = ((0, ours), (1, theirs)) if pair % 2 == 0 else ((1, theirs), (0, ours))
        for side, run in sides:
            start = time.perf_counter()
            await run(pair)
            seconds[side].append(time.perf_counter() - start)
    return Pairs(tuple(seconds[0]), tuple(seconds[1]))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def say(line: str = "") -> None:
    """One line of a report, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def verdict(name: str, value: float, limit: float, *, at_least: bool = False) -> bool:
    """Prints a figure beside its limit; True where it holds."""
    holds = value >= limit if at_least else value <= limit
    sign = "at least" if at_least else "at most"
    say(f"{name}: {value:.3f} ({sign} {limit:g}) {'holds' if holds else 'MISSED'}")
    return holds
