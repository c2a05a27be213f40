"""(k) Questions for a sum, an average or a count that no document states, over the samples.

`extractive` must say no number that its passages do not hold, and a total that a model might make
up (`invented`) must be marked as not in the sources. `data/aggregates.jsonl`: 16 questions.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.pairing import say, verdict
from bot.adapters.terminal.messages import question
from bot.adapters.terminal.replies import ask
from bot.building import build
from bot.golden_bench import Bench
from bot.settings import Config, WebSettings
from core.attribution import attribute
from core.evidence import Evidence, claim_of
from core.settings import EngineSettings
from knowledge_base.models import Passage

DATA = Path(__file__).parent / "data" / "aggregates.jsonl"
MARK = "(unsupported)"


async def main() -> bool:
    """Measure and say; False where a limit is missed."""
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    made_up = caught = 0
    with tempfile.TemporaryDirectory() as folder:
        config = replace(
            Config(),
            data_dir=Path(folder),
            engine=EngineSettings(kind="extractive"),
            folders={},
            web=WebSettings(enabled=False),
        )
        async with build(config) as bot:
            bench = Bench(bot.library, bot.inbox, "extractive")
            async with bench.samples() as base:
                for row in rows:
                    reply = await ask(bot.inbox, question(row["question"], (base,)))
                    passages = [source.passage for source in reply.sources]
                    own = unheld(reply.text, passages)
                    made_up += bool(own)
                    settled = attribute(row["invented"], passages, row["question"], MARK)
                    caught += MARK in settled.text
                    if own:
                        say(f"    {row['question']}: {sorted(own)}")
    return all(
        [
            verdict(f"(k) answers with a number of their own, of {len(rows)}", made_up, 0),
            verdict("(k) invented totals marked", caught / len(rows), 0.95, at_least=True),
        ]
    )


def unheld(text: str, passages: list[Passage]) -> frozenset[str]:
    """Numbers of an answer that are in none of its passages; dates of documents are ours."""
    whole = Evidence.together(Evidence.of(passage) for passage in passages)
    dates = " ".join(f"{passage.document.added_at:%Y %m %d}" for passage in passages)
    lines = [line for line in text.splitlines() if line.strip()]
    claimed = frozenset().union(*(claim_of(_unmarked(line), dates).numbers for line in lines))
    return claimed - whole.numbers - claim_of(dates, "").numbers


def _unmarked(line: str) -> str:
    return re.sub(r"\[\d+\]", "", line)
