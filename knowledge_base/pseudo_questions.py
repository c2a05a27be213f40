"""Measuring a base, or an embedder, with questions that the texts themselves are made into.

Pseudo-questions are sentences with most words left out, which ought to find the chunk they were
taken from (an inverse cloze task; Lee et al. 2019). They say where the cosines of unrelated pairs
lie and, for each script, how much the dense leg knows beside the lexical one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge_base.calibration import Calibration, DenseProfile, Floats, Vectors, standardise
from knowledge_base.sentences import sentences
from knowledge_base.terms import Terms, script_of, word_spans

QUESTIONS = 48
"""Pseudo-questions that a base is measured with; about half a second of the bundled embedder."""

MOST_REPLACED = 0.5
"""Up to half of a pseudo-question's terms are replaced: people ask in words of their own."""

_KEPT_WORDS = (0.25, 0.6)
_MOST_WORDS = 20
_LEAST_WORDS = 8
_BLIND_DEVIATIONS = 1.0
_SEEING_DEVIATIONS = 3.0
"""How far above unrelated chunks a pseudo-question's own chunk lies, in deviations: an embedder
that reads the script has it at 3.5 to 5.4, an English one in Chinese at 1.6. Trust goes from 0 to 1
between the two, quadratically."""
_MOST_DEVIATIONS = 6.0
_USUAL_DEVIATIONS = 4.0
_PRIOR_QUESTIONS = 4.0
"""Pseudo-questions' worth of belief that the embedder was chosen because it reads the script."""
_LEAST_SHARE = 0.1
"""Of a base's pseudo-questions, for a script to be one that the base is written in."""


@dataclass(frozen=True, slots=True)
class PseudoQuestion:
    """A question of which we know the chunk that it is about."""

    chunk: int
    """Index into the texts it was made from."""
    text: str
    script: str
    whole: str
    """The sentence it was made from."""


def pseudo_questions(
    texts: Sequence[str], count: int = QUESTIONS, seed: int = 0
) -> list[PseudoQuestion]:
    """At most `count` of them, from as many different texts as there are."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable sample, no secret
    order = list(range(len(texts)))
    rng.shuffle(order)
    made: list[PseudoQuestion] = []
    for turn in range(min(12, -(-count // max(1, len(order))))):
        for chunk in order:
            if len(made) < count and (question := _ask(texts[chunk], chunk, turn, rng)):
                made.append(question)
    return made


def _ask(text: str, chunk: int, turn: int, rng: random.Random) -> PseudoQuestion | None:
    parts = [s.text for s in sentences(text)]
    long_enough = [s for s in parts if len(word_spans(s)) >= _LEAST_WORDS] or ([text] * (not turn))
    if not long_enough:
        return None
    whole = rng.choice(long_enough)
    share = rng.uniform(*_KEPT_WORDS)
    kept = [span for span in word_spans(whole) if rng.random() < share][:_MOST_WORDS]
    if len(kept) < 3:
        return None
    asked, last = "", 0
    for start, end in kept:
        joint = "" if asked and script_of(whole[start]) == "HAN" == script_of(asked[-1]) else " "
        asked += joint * bool(asked) + whole[start:end]
        last = end
    return PseudoQuestion(chunk, asked, script_of(asked), whole[:last] or whole)


def replaced(terms: Terms, pool: NDArray[np.uint64], rng: np.random.Generator) -> Terms:
    """The question in other words: a share of its terms replaced, half of them by terms of
    other questions (`pool`, repeats wanted), half by terms that no base has.
    """
    gone = rng.random(len(terms)) < rng.uniform(0, MOST_REPLACED)
    foreign = gone & (rng.random(len(terms)) < 0.5)
    hashes = terms.hashes.copy()
    hashes[gone] = rng.choice(pool, int(gone.sum())) if len(pool) else 0
    hashes[foreign] = rng.integers(1, 1 << 63, int(foreign.sum()), dtype=np.uint64)
    unique = np.unique(hashes)
    return Terms(unique, np.ones(len(unique), np.uint16))


def measure(
    fingerprint: str,
    questions: Sequence[PseudoQuestion],
    vectors: Vectors,
    sample: Vectors,
    chunks: int,
) -> Calibration | None:
    """Measure a base of `chunks` chunks.

    `vectors` are the embedded questions, row by row; `sample` holds vectors of the texts that
    `PseudoQuestion.chunk` counts. None where there is no unrelated pair to measure.
    """
    if len({q.chunk for q in questions}) < 2:
        return None
    asked_of, own = np.unique([q.chunk for q in questions], return_inverse=True)
    cosines = (vectors @ sample[asked_of].T).astype(np.float64)
    scripts = np.array([q.script for q in questions])
    written = np.empty(len(asked_of), scripts.dtype)
    written[own] = scripts  # a chunk's script is that of the questions made of it
    groups = [("", np.arange(len(questions)))]
    for script in np.unique(scripts):
        rows = np.flatnonzero(scripts == script)
        if len(rows) >= _LEAST_SHARE * len(questions):
            groups.append((str(script), rows))
    profiles = [
        _profile(script, cosines[rows], own[rows], (written == script) | (script == ""))
        for script, rows in groups
    ]
    return Calibration(fingerprint, chunks, tuple(p for p in profiles if p))


async def calibrate(
    fingerprint: str,
    texts: Sequence[str],
    sample: Vectors,
    chunks: int,
    embed_query: Callable[[str], Awaitable[Vectors]],
) -> Calibration | None:
    """Make pseudo-questions of the sampled chunks' texts, embed them and measure the base.

    Costs `QUESTIONS` embedded questions; worth it from two chunks on.
    """
    questions = await asyncio.to_thread(pseudo_questions, texts)
    if not questions:
        return None
    vectors = np.stack([await embed_query(question.text) for question in questions])
    return await asyncio.to_thread(measure, fingerprint, questions, vectors, sample, chunks)


def _profile(
    script: str, cosines: Floats, own: NDArray[np.int64], native: NDArray[np.bool_]
) -> DenseProfile | None:
    """`native` says which chunks are in the script; None without an unrelated one among them."""
    rows = np.arange(len(own))
    unrelated = np.broadcast_to(native, cosines.shape).copy()
    unrelated[rows, own] = False
    if unrelated.sum(axis=1).min() < 1:
        return None
    mean, deviation = _spread(cosines, unrelated)
    bare = DenseProfile(script, mean, deviation, 1.0)
    kept = unrelated.copy()
    kept[rows, own] = True
    z = np.array(
        [
            standardise(row[[at]], row[among], bare)[0]
            for row, at, among in zip(cosines, own, kept, strict=True)
        ]
    )
    found = np.minimum(z, _MOST_DEVIATIONS).sum() + _PRIOR_QUESTIONS * _USUAL_DEVIATIONS
    apart = found / (len(own) + _PRIOR_QUESTIONS)
    share = (apart - _BLIND_DEVIATIONS) / (_SEEING_DEVIATIONS - _BLIND_DEVIATIONS)
    trust = min(1.0, max(0.0, float(share))) ** 2
    if native.all():
        return DenseProfile(script, mean, deviation, trust)
    foreign = _spread(cosines, np.broadcast_to(~native, cosines.shape))
    return DenseProfile(script, mean, deviation, trust, *foreign)


def _spread(cosines: Floats, among: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean of the marked cosines, and their deviation within a question."""
    counts = among.sum(axis=1)
    means = np.where(among, cosines, 0.0).sum(axis=1) / counts
    squares = np.where(among, (cosines - means[:, None]) ** 2, 0.0).sum() / counts.sum()
    # With one or two chunks a question, take the spread between questions if it is larger.
    between = float(means.std()) if counts.max() < 3 else 0.0
    return float(means.mean()), max(float(np.sqrt(squares)), between, 1e-3)
