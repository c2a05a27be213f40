"""(k) Sentences of answers tied to passages: 200 that people labelled, half English, half Chinese.

`data/attribution.jsonl`: a line holds four passages, a question, and sentences with the passages
that support them: paraphrases, claims that no passage makes, and sentences in which one number,
date, name or marker was swapped.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pairing import say, verdict
from core.attribution import attribute
from tests.support.passages import passage

DATA = Path(__file__).parent / "data" / "attribution.jsonl"
MARK = "(unsupported)"
SWAPPED = ("number", "date", "name", "marker")


@dataclass(frozen=True)
class Settled:
    """A labelled sentence, and what became of it."""

    language: str
    kind: str
    text: str
    right: frozenset[int]
    cited: frozenset[int]
    marked: bool

    @property
    def is_supported(self) -> bool:
        return bool(self.right)

    @property
    def is_caught(self) -> bool:
        """A swapped fact is marked; a swapped marker is gone, or where it belongs."""
        return self.cited <= self.right if self.kind == "marker" else self.marked


def settled() -> list[Settled]:
    """Every sentence by itself, as an engine would have said it."""
    found = []
    for line in DATA.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        passages = [
            passage(own["document"], own["text"], n=n, heading=own["heading"])
            for n, own in enumerate(row["passages"], start=1)
        ]
        for sentence in row["sentences"]:
            made = attribute(sentence["text"], passages, row["question"], MARK)
            found.append(
                Settled(
                    row["language"],
                    sentence["kind"],
                    sentence["text"],
                    frozenset(sentence["passages"]),
                    frozenset(int(n) for n in re.findall(r"\[(\d)\]", made.text)),
                    MARK in made.text,
                )
            )
    return found


async def main() -> bool:
    """Prints figures beside their limits; True where all hold."""
    begun = time.perf_counter()
    sentences = settled()
    each = (time.perf_counter() - begun) / len(sentences) * 1000
    wrong = [one for one in sentences if _is_wrong(one)]
    for one in wrong:
        shown = f"cited {sorted(one.cited)}, right {sorted(one.right)}, marked {one.marked}"
        say(f"    {one.language} {one.kind}: {one.text}  ({shown})")
    held = True
    for language in ("en", "zh", None):
        held &= _figures([one for one in sentences if language in (None, one.language)], language)
    return held & verdict("(k) milliseconds a sentence", each, 20)


def _is_wrong(one: Settled) -> bool:
    if one.kind in SWAPPED and not one.is_caught:
        return True
    return one.marked if one.is_supported else bool(one.cited) or not one.marked


def _figures(sentences: list[Settled], language: str | None) -> bool:
    name = language or "both"
    emitted = sum(len(one.cited) for one in sentences)
    precise = sum(len(one.cited & one.right) for one in sentences) / emitted
    supported = [one for one in sentences if one.is_supported]
    recalled = sum(bool(one.cited & one.right) for one in supported) / len(supported)
    swapped = [one for one in sentences if one.kind in SWAPPED]
    caught = sum(one.is_caught for one in swapped) / len(swapped)
    alarms = sum(one.marked for one in supported) / len(supported)
    kinds = Counter(one.kind for one in sentences)
    say(f"    {name}: {len(sentences)} sentences, {dict(kinds)}")
    return all(
        [
            verdict(f"(k) citation precision, {name}", precise, 0.95, at_least=True),
            verdict(f"(k) citation recall, {name}", recalled, 0.90, at_least=True),
            verdict(f"(k) swapped facts caught, {name}", caught, 0.95, at_least=True),
            verdict(f"(k) false alarms, {name}", alarms, 0.05),
        ]
    )


if __name__ == "__main__":
    asyncio.run(main())
