"""(k) Sentences of public sets with one number swapped for another of the same passage.

    EVAL_DIR=FOLDER python -m benchmarks swapped_numbers

Sets as for `retrieval_quality`. Each passage stands among three others. Two of its sentences are
attributed as they stand, and up to two with a number in the place of another one of the same kind
(a year for a year) that the very passage holds: what it tells of something else. The sample is the
same each time. Does nothing where there are no sets.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.pairing import say, verdict
from benchmarks.refusal import sets
from benchmarks.retrieval_quality import EvaluationSet
from core.attribution import attribute
from knowledge_base.models import Passage
from knowledge_base.sentences import sentences
from tests.support.passages import passage

MARK = "(unsupported)"
PASSAGES = 240
EACH = 2
LENGTHS = range(21, 400)
_NUMBER = re.compile(r"(?<![\d.,:])\d{1,4}(?:[.,]\d+)?(?![\d:]|[.,]\d)")
_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")


@dataclass(slots=True)
class Counts:
    """What became of the sentences of one set."""

    plain: int = 0
    alarms: int = 0
    right: int = 0
    swapped: int = 0
    caught: int = 0
    seconds: float = 0.0


def measured(one: EvaluationSet, rng: random.Random) -> Counts:
    """Attribute sentences as they stand, and with a number swapped."""
    counts = Counts()
    texts = list(one.documents.items())[:PASSAGES]
    for place, (_, text) in enumerate(texts):
        beside = [texts[(place + step) % len(texts)] for step in range(4)]
        passages = [passage(name, own, n=n) for n, (name, own) in enumerate(beside, start=1)]
        said = [part.text for part in sentences(text)]
        fit = [own for own in said if len(own) in LENGTHS]
        for sentence in rng.sample(fit, min(EACH, len(fit))):
            begun = time.perf_counter()
            made = attribute(sentence, passages, "?", MARK)
            counts.seconds += time.perf_counter() - begun
            counts.plain += 1
            counts.alarms += MARK in made.text
            counts.right += 1 in made.cited
        for sentence in _swapped(rng.sample(said, len(said)), text, rng):
            counts.swapped += 1
            counts.caught += _is_marked(sentence, passages)
    return counts


def _is_marked(sentence: str, passages: Sequence[Passage]) -> bool:
    return MARK in attribute(sentence, passages, "?", MARK).text


def _swapped(said: Sequence[str], text: str, rng: random.Random) -> Iterator[str]:
    numbers = list(dict.fromkeys(_NUMBER.findall(text)))
    made = 0
    for sentence in said:
        own = list(_NUMBER.finditer(sentence))
        if not own or made == EACH:
            continue
        chosen = rng.choice(own)
        kind = _is_year(chosen.group())
        there = {found.group() for found in own}
        others = [number for number in numbers if number not in there and _is_year(number) == kind]
        if others:
            made += 1
            yield sentence[: chosen.start()] + rng.choice(others) + sentence[chosen.end() :]


def _is_year(number: str) -> bool:
    return _YEAR.fullmatch(number) is not None


async def main() -> bool:
    """True where enough is caught, and enough left alone."""
    if not (found := await asyncio.to_thread(sets)):
        say("not run: EVAL_DIR names no folder with evaluation sets")
        return True
    held = True
    rng = random.Random(5)  # noqa: S311 - a repeatable sample, no secret
    for one in found:
        counts = await asyncio.to_thread(measured, one, rng)
        name = f"{one.name}, {counts.swapped} swapped, {counts.plain} as they stand"
        say(f"    {name}: {counts.seconds / counts.plain * 1000:.1f} ms a sentence")
        held &= all(
            [
                verdict(
                    f"(k) numbers swapped within their passage caught, {one.name}",
                    counts.caught / counts.swapped,
                    0.95,
                    at_least=True,
                ),
                verdict(f"(k) false alarms, {one.name}", counts.alarms / counts.plain, 0.05),
                verdict(
                    f"(k) right passage cited, {one.name}",
                    counts.right / counts.plain,
                    0.95,
                    at_least=True,
                ),
            ]
        )
    return held


if __name__ == "__main__":
    asyncio.run(main())
