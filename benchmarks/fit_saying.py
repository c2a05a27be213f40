"""Learn the weights of `knowledge_base.saying.SayingModel` from any text.

    python benchmarks/fit_saying.py FOLDER...

Each folder holds one passage a `.txt` file, as for `fit_relevance`. Bases of 40 to 320 neighbouring
passages are asked pseudo-questions of which a part of the words is replaced, with their passage in
the base and with only that one left out, so that its neighbours stay: the hard case. No real
question is looked at. Prints the weights to paste into `LEARNT`; those there were learnt from a
guide to an operating system in English and in Chinese (Debian Reference 2.100, HTML, passages of
about 600 and 260 characters).
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fit_relevance import Corpus, prepare, read
from knowledge_base import retrieval
from knowledge_base.calibration import Calibration
from knowledge_base.lexical import LexicalIndex
from knowledge_base.pseudo_questions import PseudoQuestion, measure
from knowledge_base.saying import SayingModel, Signs, asked, signs
from knowledge_base.terms import pack_terms, script_of, terms_of, word_spans

SIZES = (40, 120, 320)
ASKED = 150
"""Pseudo-questions for each size of base."""
WHOLE_SHARE = 0.4
MOST_REPLACED = 0.5
LOOKED_AT = 3
RIDGE = 0.1

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Example:
    """A passage that was found for a pseudo-question, and whether it is the right one."""

    signs: Signs
    right: bool
    is_best: bool


class _Dense:
    """The dense leg over all vectors of a base, those of some chunks left out."""

    def __init__(self, ids: Ids, vectors: Vectors) -> None:
        self._ids = ids
        self._vectors = vectors

    def nearest(self, vector: Vectors, limit: int) -> tuple[Ids, Vectors]:
        cosines = self._vectors @ vector
        order = np.argsort(-cosines)[:limit]
        return self._ids[order], cosines[order]

    def match(self, vector: Vectors, ids: Ids) -> Vectors:
        return self.vectors(ids) @ vector

    def vectors(self, ids: Ids) -> Vectors:
        found: Vectors = self._vectors[np.searchsorted(self._ids, ids)]
        return found


@dataclass(frozen=True, eq=False)
class _View:
    """A base as a search sees it."""

    fingerprint: str
    dense: _Dense
    lexical: LexicalIndex
    calibration: Calibration | None
    sample: tuple[Vectors, retrieval.Scripts]


def examples(corpus: Corpus, rng: np.random.Generator) -> Iterator[Example]:
    """Ask pseudo-questions of bases made of the corpus."""
    packed = [pack_terms(terms_of(text)) for text in corpus.texts]
    pool = [
        word
        for own in corpus.questions
        for word in (own.text[start:end] for start, end in word_spans(own.text))
    ]
    for size in (own for own in SIZES if own <= len(corpus.texts)):
        done = 0
        while done < ASKED:
            first = int(rng.integers(0, len(corpus.texts) - size + 1))
            ids = np.arange(first, first + size, dtype=np.int64)
            inside = [i for i, q in enumerate(corpus.questions) if first <= q.chunk < first + size]
            calibration = _measured(corpus, inside, first, size)
            for index in rng.permutation(inside)[: max(10, ASKED // 3)]:
                own = corpus.questions[index].chunk
                whole = rng.random() < WHOLE_SHARE
                text = corpus.questions[index].whole if whole else corpus.questions[index].text
                vector = (corpus.wholes if whole else corpus.fragments)[index]
                words = reworded(text, pool, rng)
                for kept in (ids, ids[ids != own]):
                    view = _view(corpus, kept, packed, calibration)
                    yield from _ask(view, corpus, words, vector, own)
                done += 1


def reworded(text: str, pool: Sequence[str], rng: np.random.Generator) -> str:
    """A share of the words replaced, half of them by words of other questions."""
    share = rng.uniform(0, MOST_REPLACED)
    made, last = "", 0
    for start, end in word_spans(text):
        if rng.random() < share:
            other = pool[int(rng.integers(len(pool)))]
            if rng.random() < 0.5:
                other = _unheard(script_of(text), rng)
            made, last = made + text[last:start] + other, end
    return made + text[last:]


def _unheard(script: str, rng: np.random.Generator) -> str:
    """A word that no base has."""
    letters = [chr(int(code)) for code in rng.integers(0x4E00, 0x9FA5, 2)]
    if script != "HAN":
        letters = [chr(int(code)) for code in rng.integers(ord("a"), ord("z") + 1, 9)]
    return "".join(letters)


def _measured(corpus: Corpus, inside: Sequence[int], first: int, size: int) -> Calibration | None:
    some = list(inside)[:48]
    questions = [replace(own, chunk=own.chunk - first) for own in _at(corpus, some)]
    vectors = corpus.vectors[first : first + size]
    return measure("", questions, corpus.fragments[some], vectors, size) if some else None


def _at(corpus: Corpus, indices: Sequence[int]) -> list[PseudoQuestion]:
    return [corpus.questions[index] for index in indices]


def _view(
    corpus: Corpus, ids: Ids, packed: Sequence[bytes], calibration: Calibration | None
) -> _View:
    vectors = corpus.vectors[ids]
    index = LexicalIndex()
    index.add(ids, [packed[at] for at in ids])
    _, scripts = index.sample(len(ids))
    return _View("", _Dense(ids, vectors), index, calibration, (vectors, scripts))


def _ask(view: _View, corpus: Corpus, text: str, vector: Vectors, own: int) -> Iterator[Example]:
    judged = retrieval.judge(retrieval.Query(text, {"": vector}), [view], retrieval.CANDIDATES)
    if judged is None:
        return
    question = asked(text, judged.weighed)
    found = retrieval.in_order(judged, LOOKED_AT)
    for at, hit in enumerate(found):
        others = [other.score for n, other in enumerate(found) if n != at]
        margin = hit.score - max(others, default=0.0)
        told = signs(question, corpus.texts[hit.chunk_id], "", hit.relevance, margin)
        yield Example(told, hit.chunk_id == own, at == 0)


def fit(groups: Sequence[Sequence[Example]]) -> SayingModel:
    """Logistic regression, each corpus with the same say, in two steps.

    Pseudo-questions are not people's: their signs go together otherwise. So the weights are held
    near each other (`RIDGE`, on signs of one spread), and only the scale and the bias of their sum
    are learnt freely, from the best passage of each question.
    """
    signs_of = [np.array([astuple(own.signs) for own in group], float) for group in groups]
    rights = [np.array([own.right for own in group], float) for group in groups]
    shares = np.concatenate([np.full(len(group), 1 / len(group)) for group in groups])
    rows = np.concatenate(signs_of)
    spread = rows.std(axis=0)
    held = _logistic(rows / spread, np.concatenate(rights), shares, RIDGE)
    sums = [own @ (held[:-1] / spread) + held[-1] for own in signs_of]
    best = [np.array([own.is_best for own in group]) for group in groups]
    firsts = np.concatenate([own[at] for own, at in zip(sums, best, strict=True)])
    truths = np.concatenate([own[at] for own, at in zip(rights, best, strict=True)])
    scale, bias = _logistic(firsts[:, None], truths, np.ones(len(firsts)), 0.0)
    learnt = [*(scale * held[:-1] / spread), scale * held[-1] + bias]
    return SayingModel(*(round(float(own), 3) for own in learnt))


def _logistic(rows: Floats, right: Floats, weights: Floats, ridge: float) -> Floats:
    """By Newton's method; the last coefficient is the bias, which nothing holds."""
    rows = np.column_stack([rows, np.ones(len(rows))])
    weights = weights / weights.sum()
    held = np.full(rows.shape[1], ridge)
    held[-1] = 1e-9
    learnt = np.zeros(rows.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-(rows @ learnt)))
        slope = rows.T @ (weights * (chance - right)) + held * learnt
        curvature = (rows.T * (weights * chance * (1 - chance))) @ rows + np.diag(held)
        learnt = learnt - np.linalg.solve(curvature, slope)
    return learnt


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    corpora = [await prepare(read(folder)) for folder in parser.parse_args().folders]
    rng = np.random.default_rng(4)
    print(fit([list(examples(corpus, rng)) for corpus in corpora]))


if __name__ == "__main__":
    asyncio.run(main())
