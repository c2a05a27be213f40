"""Learn the coefficients of `knowledge_base.calibration.RelevanceModel` from any text.

    python benchmarks/fit_relevance.py FOLDER... [--across FOLDER FOLDER]

Each folder holds one passage a `.txt` file. Bases of 3 to 800 neighbouring passages are made of
them and asked pseudo-questions three ways: with their passage in the base, with it left out, and
ones from outside the base. `--across` names two folders with the same file names in two languages:
the pseudo-questions of one are asked of the other. No real question is looked at. Prints the
coefficients to paste into `SHIPPED`. Takes minutes: everything is embedded once.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge_base.calibration import (
    SHIPPED,
    RelevanceModel,
    Signals,
    evidence,
    expected,
    highest_of,
    rank_scores,
    standardise,
)
from knowledge_base.lexical import LexicalIndex, weigh
from knowledge_base.pseudo_questions import PseudoQuestion, measure, pseudo_questions, replaced
from knowledge_base.terms import Terms, pack_terms, script_code, terms_of

SIZES = (3, 10, 40, 120, 240, 800)
QUESTIONS = 300
PER_SIZE = 200
WHOLE_SHARE = 0.4
"""Pseudo-questions that are whole sentences: people's questions lie between those and fragments."""

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Passages and the pseudo-questions made of them, embedded."""

    texts: Sequence[str]
    vectors: Vectors
    questions: Sequence[PseudoQuestion]
    fragments: Vectors
    wholes: Vectors


@dataclass(frozen=True, slots=True)
class Example:
    """The best candidate for one pseudo-question and whether it is the right one."""

    z: float
    evidence: float
    known: float
    foreign: bool
    chunks: int
    right: bool


def examples(corpus: Corpus, asked: Corpus, rng: np.random.Generator) -> Iterator[Example]:
    """Ask the pseudo-questions of `asked` of bases made of `corpus`, passage for passage."""
    packed = [pack_terms(terms_of(text)) for text in corpus.texts]
    pool = np.concatenate([terms_of(q.text).hashes for q in asked.questions])
    for size in (s for s in SIZES if s <= len(corpus.texts)):
        done = 0
        while done < PER_SIZE:
            first = int(rng.integers(0, len(corpus.texts) - size + 1))
            base = _Base(corpus, first, size, packed)
            inside = [i for i, q in enumerate(asked.questions) if first <= q.chunk < first + size][
                : PER_SIZE if size > 100 else PER_SIZE // 3
            ]
            for index in inside:
                whole = rng.random() < WHOLE_SHARE
                question = asked.questions[index]
                text = question.whole if whole else question.text
                vector = (asked.wholes if whole else asked.fragments)[index]
                terms = replaced(terms_of(text), pool, rng)
                own = question.chunk - first
                asking = (terms, vector, question.script)
                yield base.ask(*asking, own, left_out=False)
                yield base.ask(*asking, own, left_out=True)
                done += 1
            for index in rng.integers(0, len(asked.questions), len(inside) // 2):
                question = asked.questions[index]
                if not first <= question.chunk < first + size:
                    asking = (terms_of(question.text), asked.fragments[index], question.script)
                    yield base.ask(*asking, None, left_out=False)
            done += not inside


class _Base:
    """A base of neighbouring passages, measured like any other."""

    def __init__(self, corpus: Corpus, first: int, size: int, packed: Sequence[bytes]) -> None:
        self.vectors = corpus.vectors[first : first + size]
        self.ids = np.arange(size, dtype=np.int64)
        self.index = LexicalIndex()
        self.index.add(self.ids, packed[first : first + size])
        own = [
            (replace(q, chunk=q.chunk - first), i)
            for i, q in enumerate(corpus.questions)
            if first <= q.chunk < first + size
        ][:48]
        self.calibration = measure(
            "",
            [q for q, _ in own],
            corpus.fragments[[i for _, i in own]],
            self.vectors,
            size,
        )

    def ask(
        self, terms: Terms, vector: Vectors, script: str, own: int | None, *, left_out: bool
    ) -> Example:
        weighed = weigh(terms, self.index.statistics(terms))
        match = self.index.match(weighed, self.ids)
        lexical = evidence(match.coverage, match.matched)
        foreign = match.scripts != script_code(script)
        known = expected(weighed.known, match.matched, foreign)
        cosines = (self.vectors @ vector).astype(np.float64)
        there = np.ones(len(self.ids), bool)
        if left_out and own is not None:
            there[own] = False
        z = np.zeros(len(self.ids))
        if self.calibration:
            z = standardise(cosines, cosines[there], self.calibration.profile(script))
        chunks = int(there.sum())
        scores = rank_scores(Signals(z, lexical, known, foreign, 1.0, np.full(len(z), chunks)))
        best = int(np.argmax(np.where(there, scores, -np.inf)))
        return Example(
            z=float(z[best]),
            evidence=float(lexical[best]),
            known=float(known[best]),
            foreign=bool(foreign[best]),
            chunks=chunks,
            right=best == own,
        )


def fit(
    groups: Sequence[Sequence[Example]], across: Sequence[Sequence[Example]] = ()
) -> RelevanceModel:
    """Logistic regression (Newton's method), each group with the same say.

    Questions in another language teach nothing about lexical evidence that stands alone.
    """
    rows, right, weights = _table([*groups, *across])
    known = np.array([e.known for e in rows])
    knowing = SHIPPED.knowing(known)
    both = np.column_stack(
        [
            [e.z for e in rows],
            highest_of(np.array([e.chunks for e in rows])),
            np.ones(len(rows)),
            SHIPPED.say(known) * [e.evidence for e in rows],
            knowing,
            (1 - knowing) * [not e.foreign for e in rows],
        ]
    )
    dense, size, bias, lexical, common, astray = _logistic(both, right, weights)
    rows, right, weights = _table(groups)
    alone, unseen = _logistic(np.array([(e.evidence, 1.0) for e in rows]), right, weights)
    return RelevanceModel(dense, size, bias, lexical, common, astray, alone, unseen)


def _table(groups: Sequence[Sequence[Example]]) -> tuple[list[Example], Floats, Floats]:
    rows = [e for group in groups for e in group]
    weights = np.concatenate([np.full(len(g), 1 / len(g)) for g in groups])
    return rows, np.array([e.right for e in rows], float), weights


def _logistic(features: Floats, right: Floats, weights: Floats) -> list[float]:
    coefficients = np.zeros(features.shape[1])
    weights = weights / weights.sum()
    for _ in range(50):
        probability = 1 / (1 + np.exp(-(features @ coefficients)))
        gradient = features.T @ (weights * (probability - right)) + 1e-5 * coefficients
        spread = weights * probability * (1 - probability)
        curvature = (features.T * spread) @ features + 1e-5 * np.eye(len(coefficients))
        coefficients = coefficients - np.linalg.solve(curvature, gradient)
    return [round(float(c), 3) for c in coefficients]


def read(folder: Path) -> list[str]:
    """One passage a file."""
    return [path.read_text("utf-8") for path in sorted(folder.glob("*.txt"))]


async def prepare(texts: Sequence[str]) -> Corpus:
    """The passages with their pseudo-questions, embedded by the bundled model."""
    from knowledge_base.embedders.bundled import BundledEmbedder

    questions = pseudo_questions(texts, QUESTIONS, seed=1)
    embedder = await BundledEmbedder.open(threads=None)
    vectors = await embedder.embed_documents(texts)
    fragments = [await embedder.embed_query(q.text) for q in questions]
    wholes = [await embedder.embed_query(q.whole) for q in questions]
    return Corpus(texts, vectors, questions, np.stack(fragments), np.stack(wholes))


def learn(corpora: Sequence[Corpus], across: Sequence[Corpus]) -> RelevanceModel:
    """The coefficients from several corpora, and from two in two languages asked crosswise."""
    rng = np.random.default_rng(2)
    groups = [list(examples(corpus, corpus, rng)) for corpus in corpora]
    pairs = [(across[0], across[1]), (across[1], across[0])] if across else []
    return fit(groups, [list(examples(one, other, rng)) for one, other in pairs])


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--across", nargs=2, default=[], type=Path)
    arguments = parser.parse_args()
    corpora = {f: await prepare(read(f)) for f in {*arguments.folders, *arguments.across}}
    model = learn([corpora[f] for f in arguments.folders], [corpora[f] for f in arguments.across])
    print(model)


if __name__ == "__main__":
    asyncio.run(main())
