"""Refusing what the documents do not say: half of them left out, and the right one alone.

    EVAL_DIR=FOLDER python -m benchmarks refusal

Sets as for `retrieval_quality`. **Half**: a base of the marked half of the documents is asked every
question. **Near**: a base of all is asked every second question with only that one's document taken
out and brought back, so that its neighbours stay; the other questions are answerable. Prints AUROC
of the best relevance, wrong answers among unanswerable questions and refusals among answerable ones
at the default threshold, and the expected calibration error of the best passage (ten bins). The
bundled embedder's passages are looked at closely, as in the bot, for `LOOK_MS` (default 400; 0: not
at all). Sets whose questions bear the same ids are also asked crosswise, in the one language of
documents in the other. With `EVERY=n` only every n-th question is asked. Does nothing where there
are no sets.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import numpy as np

from benchmarks.pairing import say
from benchmarks.retrieval_quality import EvaluationSet, Question, auroc, english_embedder, read
from knowledge_base.closeness import CloseLook
from knowledge_base.embedders import open_embedder
from knowledge_base.embedders.base import Embedder
from knowledge_base.embedders.bundled import BundledEmbedder
from knowledge_base.library import Library
from knowledge_base.models import BaseId, Scope, SearchResult, Upload
from knowledge_base.settings import EmbeddingSettings, KnowledgeSettings

BINS = 10
LIMIT = 5


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one question."""

    answerable: bool
    relevance: float
    refused: bool
    right: bool
    """Whether the best passage is of the right document."""


def figures(told: Sequence[Told]) -> str:
    """Cells of a table."""
    there = [own for own in told if own.answerable]
    gone = [own for own in told if not own.answerable]
    ranks = auroc([own.relevance for own in there], [own.relevance for own in gone])
    wrong = sum(not own.refused for own in gone) / max(1, len(gone))
    lost = sum(own.refused for own in there) / max(1, len(there))
    return f"{ranks:.4f} | {wrong:.3f} | {lost:.3f} | {calibration_error(told):.3f}"


def calibration_error(told: Sequence[Told]) -> float:
    """How far relevance lies from the share of best passages that are right, over ten bins."""
    chances = np.array([own.relevance for own in told])
    right = np.array([own.right for own in told], float)
    bins = np.minimum((chances * BINS).astype(int), BINS - 1)
    return sum(
        float((bins == one).mean() * abs(chances[bins == one].mean() - right[bins == one].mean()))
        for one in np.unique(bins)
    )


@asynccontextmanager
async def opened(embedder: Embedder | None, look_ms: int) -> AsyncIterator[Library]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        data = Path(folder) / "data"
        library = await stack.enter_async_context(Library.open(data, embedder, KnowledgeSettings()))
        if look_ms and isinstance(embedder, BundledEmbedder):
            close = CloseLook(embedder.token_reader, look_ms / 1000)
            stack.push_async_callback(close.aclose)
            library.look_closely(close)
        yield library


async def fill(library: Library, name: str, texts: Mapping[str, str]) -> BaseId:
    """A base of these texts, as files."""
    base = (await library.ensure_base(name)).base_id
    with tempfile.TemporaryDirectory() as folder:
        for document, text in texts.items():
            path = Path(folder) / f"{document}.txt"
            await asyncio.to_thread(path.write_text, text, "utf-8")
            await library.add(base, Upload(path.name, path))
    return base


def told_of(question: Question, found: SearchResult, answerable: bool) -> Told:
    """The outcome."""
    first = found.passages[0].document.name.removesuffix(".txt") if found.passages else ""
    return Told(answerable, found.relevance, found.refused, first == question.document)


async def half(library: Library, one: EvaluationSet, asked: Sequence[Question]) -> list[Told]:
    base = await fill(library, "half", {d: one.documents[d] for d in sorted(one.half)})
    scope = Scope(frozenset({base}))
    return [
        told_of(own, await library.search(scope, own.text, limit=LIMIT), own.document in one.half)
        for own in asked
    ]


async def near(library: Library, one: EvaluationSet, asked: Sequence[Question]) -> list[Told]:
    base = await fill(library, "all", one.documents)
    scope = Scope(frozenset({base}))
    told = []
    for place, own in enumerate(asked):
        if place % 2:
            found = await library.search(scope, own.text, limit=LIMIT)
            told.append(told_of(own, found, answerable=True))
            continue
        await library.remove(base, f"{own.document}.txt", batch="near")
        told.append(told_of(own, await library.search(scope, own.text, limit=LIMIT), False))
        for rest in await library.resting([base]):
            await library.bring_back(rest)
    return told


def sets() -> list[EvaluationSet]:
    """Those of EVAL_DIR, then the same asked crosswise."""
    folder = os.environ.get("EVAL_DIR")
    files = sorted(Path(folder).glob("*/questions.jsonl")) if folder else []
    found = [read(path.parent) for path in files]
    return [*found, *(crosswise(*pair) for pair in permutations(found, 2) if alike(*pair))]


def alike(one: EvaluationSet, other: EvaluationSet) -> bool:
    """Whether they are translations of each other."""
    return {own.question_id for own in one.questions} == {
        own.question_id for own in other.questions
    }


def crosswise(one: EvaluationSet, other: EvaluationSet) -> EvaluationSet:
    """The questions of the first, asked of the documents of the second."""
    places = {own.question_id: own.document for own in other.questions}
    asked = tuple(replace(own, document=places[own.question_id]) for own in one.questions)
    name = f"{one.name} asked of {other.name}"
    return EvaluationSet(name, other.documents, other.half, asked, one.file)


async def main() -> bool:
    """Always True: the limits stand in BENCHMARKS.md beside the figures of each set."""
    if not (found := await asyncio.to_thread(sets)):
        say("not run: EVAL_DIR names no folder with evaluation sets")
        return True
    every = int(os.environ.get("EVERY", "1"))
    look_ms = int(os.environ.get("LOOK_MS", "400"))
    wanted: list[EmbeddingSettings | None] = [EmbeddingSettings(kind="bundled")]
    if (english := english_embedder()) is not None:
        wanted.append(EmbeddingSettings(kind="sentence_transformers", model=str(english)))
    wanted.append(None)  # By words alone.
    say("| set | embedder | way | AUROC | wrong answers | refused | calibration error |")
    say("|---|---|---|---|---|---|---|")
    for settings in wanted:
        embedder = await open_embedder(settings) if settings else None
        for one in found:
            asked = one.questions[::every]
            for name, way in (("half", half), ("near", near)):
                async with opened(embedder, look_ms) as library:
                    told = await way(library, one, asked)
                kind = embedder.name if embedder else "none"
                say(f"| {one.name} | {Path(kind).name} | {name} | {figures(told)} |")
        if embedder is not None:
            await embedder.aclose()
    return True
