"""What hints and a second search could bring: the most that a good writer of hints would.

    EVAL_DIR=FOLDER python -m benchmarks enrichment_gain

People's own questions stand in for a model's: of each passage's questions two, in both languages,
are its hints (`[retrieval] enrichment`), and others are asked. Half of the documents are in the
base, so that half of the questions have no answer there. Sets as in `retrieval_quality`; those
whose questions bear the same ids are translations of each other. Says what `kb tune` would. Takes a
quarter of an hour.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pairing import say
from benchmarks.retrieval_quality import EvaluationSet, Question, read
from core.golden import Golden, Outcome, outcome
from core.tuning import Gain, searched, verdict
from knowledge_base.embedders.bundled import BundledEmbedder
from knowledge_base.library import Library
from knowledge_base.models import BaseId, Scope, Upload
from knowledge_base.settings import KnowledgeSettings

HINTS = 2
"""Questions of a passage that are its hints."""
DEPTH = 10
THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Way:
    """A way of searching."""

    name: str
    enriched: bool = False
    reworded: bool = False


PLAIN = Way("as it is")
WAYS = (PLAIN, Way("hints", enriched=True), Way("once more", reworded=True))


async def main() -> bool:
    """Measure every pair of base and language; there is no limit."""
    folder = os.environ.get("EVAL_DIR")
    if folder is None:
        say("EVAL_DIR is not set: nothing to measure")
        return True
    sets = _sets(Path(folder))
    embedder = await BundledEmbedder.open(None)
    try:
        for base in sets:
            others = [own for own in sets if _ids(own) & _ids(base) and own is not base]
            if others:
                await _base(base, [*others, base], embedder)
    finally:
        await embedder.aclose()
    return True


def _sets(folder: Path) -> list[EvaluationSet]:
    return [read(own.parent) for own in sorted(folder.glob("*/questions.jsonl"))]


def _ids(own: EvaluationSet) -> frozenset[str]:
    return frozenset(question.question_id for question in own.questions)


async def _base(
    base: EvaluationSet, asked: Sequence[EvaluationSet], embedder: BundledEmbedder
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with Library.open(home / "data", embedder, KnowledgeSettings()) as library:
            kept = (await library.ensure_base("shared")).base_id
            for name in sorted(base.half):
                path = home / "given"
                path.write_text(base.documents[name], encoding="utf-8")
                await library.add(kept, Upload(f"{name}.txt", path))
            hints = _hints(base)
            for name in sorted(base.half):
                ids = {question.question_id for question in hints[name]}
                texts = [q.text for own in asked for q in own.questions if q.question_id in ids]
                for chunk in await library.passages(kept, f"{name}.txt"):
                    await library.enrichment.keep(chunk, kept, texts, "people")
            taken = {question.question_id for own in hints.values() for question in own}
            for questions in asked:
                await _ask(library, kept, base, questions, taken)


def _hints(base: EvaluationSet) -> dict[str, list[Question]]:
    found: dict[str, list[Question]] = {name: [] for name in base.documents}
    for question in base.questions:
        if len(found[question.document]) < HINTS:
            found[question.document].append(question)
    return found


async def _ask(
    library: Library,
    kept: BaseId,
    base: EvaluationSet,
    questions: EvaluationSet,
    taken: set[str],
) -> None:
    where = {own.question_id: own.document for own in base.questions}
    left = [own for own in questions.questions if own.question_id not in taken]
    tried: dict[Way, list[Outcome]] = {way: [] for way in WAYS}
    for question in left:
        stands_in = where[question.question_id]
        document = f"{stands_in}.txt" if stands_in in base.half else ""
        golden = Golden(question.text, document)
        for way in WAYS:
            result = await library.search(
                Scope(frozenset({kept})), question.text, limit=DEPTH,
                enriched=way.enriched, reworded=way.reworded,
            )  # fmt: skip
            tried[way].append(outcome(golden, result))
    say(f"{questions.name} asked of {base.name}, {len(left)} questions:")
    for way, outcomes in tried.items():
        figures = searched(outcomes)
        told = ", ".join(f"{own} {figures[own].value:.4f}" for own in ("hit@1", "mrr", "auroc"))
        say(f"    {way.name}: {told}")
        if way is not PLAIN:
            made = verdict(tried[PLAIN], outcomes, THRESHOLD)
            proven = "would be switched on" if made.is_proven else "stays off"
            say(f"        ranking {_shown(made.ranking)}: {proven}")
            say(f"        refusing {_shown(made.refusing)}")


def _shown(gain: Gain | None) -> str:
    return "-" if gain is None else f"{gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})"
