"""Learn the weights of `knowledge_base.closeness.ClosenessModel` from any text.

    python -m benchmarks.fit_closeness FOLDER... [--across FOLDER FOLDER]

Folders and pseudo-questions as for `fit_saying`: a part of their words is replaced, and they are
asked with their passage in the base and with only that one left out. The first passages that the
search finds, as it ranks and values them, are read word by word by the bundled model. Learnt from
what the search is in doubt about, for which the look is taken. No real question is looked at.
`--across` names two folders with the same file names in two languages, each asked the questions of
the other. Prints the weights to paste into `LEARNT` and `LEARNT_ACROSS`; those there were learnt
from a guide to an operating system in English and in Chinese (Debian Reference 2.100; across: the
beginnings of its 410 sections), and `leaning` was set by hand.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import fit_saying
from benchmarks.fit_relevance import Corpus, prepare, read
from benchmarks.pairing import say
from knowledge_base import retrieval, saying
from knowledge_base.closeness import (
    LOOKED_AT,
    ClosenessModel,
    Nearness,
    Read,
    signs,
    signs_across,
)
from knowledge_base.embedders.bundled import model_file
from knowledge_base.embedders.bundled_numpy import NumpyE5, TokenVectors
from knowledge_base.models import BaseId, Chunk, Document, DocumentId, DocumentState, Passage
from knowledge_base.terms import pack_terms, terms_of, word_spans

ASKED = 60
"""Pseudo-questions for each size of base: what they find is read word by word."""
DOUBT = (0.05, 0.95)
LEARNT_FROM = 4
"""Of the passages that were read, those that the weights are learnt from."""

Weighed = Callable[[Sequence[float], Sequence[Nearness]], NDArray[np.float64]]
Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """What was read for a question."""

    signs: Floats
    """Shape (passages, 3), in the search's order."""
    right: Floats
    """1 for the passage that the question was made from, else 0."""


class _Reading:
    """The passages of a corpus, each read once, and the questions that they are asked."""

    def __init__(
        self, corpus: Corpus, model: TokenVectors, asked: Corpus, weighed: Weighed
    ) -> None:
        """`weighed`: what of the passages is weighed."""
        self.corpus = corpus
        self.asked = asked
        self._weighed = weighed
        self._model = model
        self._read: dict[int, Read] = {}

    def example(
        self, view: fit_saying._View, text: str, vector: Vectors, own: int
    ) -> Example | None:
        judged = retrieval.judge(retrieval.Query(text, {"": vector}), [view], retrieval.CANDIDATES)
        if judged is None:
            return None
        found = retrieval.in_order(judged, LOOKED_AT)
        passages = [self._passage(hit) for hit in found]
        scores, trust = [hit.score for hit in found], [hit.trust for hit in found]
        passages = saying.revised(text, judged.weighed, passages, scores, trust)
        relevance = [passage.relevance for passage in passages]
        if len(passages) < 2 or not DOUBT[0] <= relevance[0] <= DOUBT[1]:
            return None
        asked = self._model.query(text)
        ids = [int(passage.chunk.chunk_id) for passage in passages]
        near = [self._of(at).near(asked) for at in ids]
        return Example(self._weighed(relevance, near), np.array([at == own for at in ids], float))

    def _of(self, at: int) -> Read:
        if at not in self._read:
            self._read[at] = Read.of(self._model.passage(self.corpus.texts[at]))
        return self._read[at]

    def _passage(self, hit: retrieval.Ranked) -> Passage:
        text, now = self.corpus.texts[hit.chunk_id], datetime.now(UTC)
        document = Document(
            DocumentId(1), BaseId(1), "", DocumentState.READY, 1, "", len(text), "", 1, now
        )
        chunk = Chunk(hit.chunk_id, document.document_id, 0, text, None, None)
        return Passage(chunk, document, hit.relevance, hit.dense, hit.lexical)


def examples(reading: _Reading, rng: np.random.Generator) -> Iterator[Example]:
    """Ask pseudo-questions of bases made of the corpus."""
    corpus, asking = reading.corpus, reading.asked
    packed = [pack_terms(terms_of(text)) for text in corpus.texts]
    pool = [
        word
        for own in asking.questions
        for word in (own.text[start:end] for start, end in word_spans(own.text))
    ]
    for size in (own for own in fit_saying.SIZES if own <= len(corpus.texts)):
        done = 0
        while done < ASKED:
            first = int(rng.integers(0, len(corpus.texts) - size + 1))
            ids = np.arange(first, first + size, dtype=np.int64)
            own, asked = (
                [i for i, q in enumerate(one.questions) if first <= q.chunk < first + size]
                for one in (corpus, asking)
            )
            calibration = fit_saying._measured(corpus, own, first, size)
            for index in rng.permutation(asked)[: ASKED // 3]:
                question = asking.questions[index]
                whole = rng.random() < fit_saying.WHOLE_SHARE
                vector = (asking.wholes if whole else asking.fragments)[index]
                text = fit_saying.reworded(question.whole if whole else question.text, pool, rng)
                for kept in (ids, ids[ids != question.chunk]):
                    view = fit_saying._view(corpus, kept, packed, calibration)
                    if (made := reading.example(view, text, vector, question.chunk)) is not None:
                        yield made
                done += 1


def fit(groups: Sequence[Sequence[Example]]) -> ClosenessModel:
    """In the two steps of `fit_saying.fit`: weights that are held near each other, from the first
    passages, then the scale and the bias of their sum, from each question's best one."""
    rows = [np.concatenate([own.signs[:LEARNT_FROM] for own in group]) for group in groups]
    right = [np.concatenate([own.right[:LEARNT_FROM] for own in group]) for group in groups]
    shares = np.concatenate([np.full(len(group), 1 / len(group)) for group in rows])
    spread = np.concatenate(rows).std(axis=0)
    held = fit_saying._logistic(
        np.concatenate(rows) / spread, np.concatenate(right), shares, fit_saying.RIDGE
    )
    weights = held[:-1] / spread
    sums, truths = [], []
    for own in (example for group in groups for example in group):
        worth = own.signs @ weights
        sums.append(worth.max())
        truths.append(own.right[int(worth.argmax())])
    scale, bias = fit_saying._logistic(
        np.array(sums)[:, None], np.array(truths), np.ones(len(sums)), 0.0
    )
    first, second, third = (round(float(own), 2) for own in scale * weights)
    return ClosenessModel((first, second, third), round(float(bias), 2))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--across", nargs=2, default=[], type=Path)
    arguments = parser.parse_args()
    weights = model_file()
    assert weights is not None
    model = TokenVectors(await asyncio.to_thread(NumpyE5.load, weights))
    rng = np.random.default_rng(5)
    if arguments.folders:
        corpora = [await prepare(read(folder)) for folder in arguments.folders]
        alike = [_Reading(corpus, model, corpus, signs) for corpus in corpora]
        say(str(fit([list(examples(own, rng)) for own in alike])))
    if arguments.across:
        here, there = [await prepare(read(folder)) for folder in arguments.across]
        crosswise = [
            _Reading(one, model, other, signs_across)
            for one, other in ((here, there), (there, here))
        ]
        say(str(fit([list(examples(own, rng)) for own in crosswise])))


if __name__ == "__main__":
    asyncio.run(main())
