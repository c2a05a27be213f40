"""Writes the tables of docs/scale.md and docs/scale.zh-CN.md: how large a machine for how many.

python tools/scale_docs.py          writes them
python tools/scale_docs.py --check  fails where they are not up to date

The memory of models comes from core/engines/memory.py; the rest are the assumptions below, which
the pages name. Between the two comments in each page nothing is written by hand.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.engines.memory import GIB, Device, Precision, Wishes, plan, weight_bytes  # noqa: E402
from core.engines.shape import ModelShape, shape_of  # noqa: E402
from knowledge_base.settings import KnowledgeSettings  # noqa: E402

PAGES: Final = {"en": "scale.md", "zh": "scale.zh-CN.md"}
BEGIN: Final = "<!-- tools/scale_docs.py: begin {name} -->"
END: Final = "<!-- tools/scale_docs.py: end {name} -->"

MEMBERS_PER_CHANNEL: Final = 50
QUESTIONS_PER_MEMBER_DAILY: Final = 0.1
BUSIEST_HOUR: Final = 0.12
"""Of a day's questions."""
PASSAGES_PER_CHANNEL: Final = 500
ACTIVE_CHANNELS: Final = 0.05
"""Of all, within the time for which a base stays open."""

PROMPT_TOKENS: Final = 2000
ANSWER_TOKENS: Final = 250
DIMENSION: Final = 384
"""Of the bundled embedder."""
TEXT_BYTES: Final = 1500
"""A passage's text with its words' rows."""
OPEN_BYTES: Final = DIMENSION * 4 + 400
"""A passage in the index of an open base: its vector, and its words."""
HALF: Final = 0.5
"""Of a card's stated bandwidth and arithmetic is what serving reaches."""

_QWEN3_8B: Final = {
    "num_hidden_layers": 36, "hidden_size": 4096, "num_attention_heads": 32,
    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 12288, "vocab_size": 151936,
    "max_position_embeddings": 40960, "tie_word_embeddings": False,
}  # fmt: skip
_QWEN3_4B: Final = _QWEN3_8B | {
    "hidden_size": 2560, "intermediate_size": 9728, "tie_word_embeddings": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Card:
    """A card as its maker states it."""

    name: str
    memory_gb: int
    bandwidth_gb: int
    """A second."""
    teraflops: int
    """In bfloat16, dense."""


CARDS: Final = (
    Card("RTX 4090, 24 GB", 24, 1008, 165),
    Card("L40S, 48 GB", 48, 864, 362),
    Card("H100, 80 GB", 80, 3350, 989),
)
MODELS: Final = (("Qwen3-4B", _QWEN3_4B), ("Qwen3-8B", _QWEN3_8B))


@dataclass(frozen=True, slots=True)
class Serving:
    """What one card does with one model."""

    slots: int
    weights_gb: float
    slot_gb: float
    seconds: float
    """One answer, with all slots busy."""

    @property
    def a_minute(self) -> float:
        return self.slots * 60 / self.seconds


def serving(card: Card, shape: ModelShape) -> Serving:
    """Reading the prompt takes arithmetic, writing a word takes reading the weights and caches."""
    weights = weight_bytes(shape, Precision.BF16)
    device = Device(card.name, True, card.memory_gb * GIB, card.memory_gb * GIB)
    made = plan(device, shape, weights, Wishes())
    tokens = PROMPT_TOKENS + ANSWER_TOKENS
    read = 2 * shape.parameters * PROMPT_TOKENS / (card.teraflops * 1e12 * HALF)
    cached = made.slots * shape.cache_numbers(tokens) * 2
    word = (weights + cached) / (card.bandwidth_gb * 1e9 * HALF)
    # While one prompt is read, the others do not write.
    seconds = ANSWER_TOKENS * word + made.slots * read
    return Serving(made.slots, weights / GIB, made.slot_bytes / GIB, seconds)


@dataclass(frozen=True, slots=True)
class Town:
    """So many channels and what they need."""

    channels: int

    @property
    def members(self) -> int:
        return self.channels * MEMBERS_PER_CHANNEL

    @property
    def questions_a_minute(self) -> float:
        """In the busiest hour."""
        return self.members * QUESTIONS_PER_MEMBER_DAILY * BUSIEST_HOUR / 60

    @property
    def passages(self) -> int:
        return self.channels * PASSAGES_PER_CHANNEL

    @property
    def disk_gb(self) -> float:
        """Rows, with vectors; originals come on top, as large as they are."""
        return self.passages * (DIMENSION * 4 + TEXT_BYTES) / GIB

    @property
    def open_gb(self) -> float:
        """Indexes of the bases in use, were all of them open."""
        return self.passages * ACTIVE_CHANNELS * OPEN_BYTES / GIB

    @property
    def budget_gb(self) -> float:
        """`knowledge.memory_budget_mb` that keeps them open; the default at least."""
        return max(KnowledgeSettings().memory_budget_mb / 1024, math.ceil(self.open_gb * 2) / 2)

    def cards(self, one: Serving) -> int:
        """At half their full rate, so that few wait."""
        return math.ceil(self.questions_a_minute / (one.a_minute / 2))


TOWNS: Final = (Town(10), Town(1000), Town(100_000))
_HEADS: Final = {
    "en": {
        "cards": "| Model, 16 bits | Card | Weights | Cache of a slot | Slots | One answer, all slots busy "
        "| Answers a minute |",
        "towns": "| Channels | Members | Questions a minute, busiest hour | Passages | Rows on disk "
        "| Indexes in use | Memory budget | Cards |",
    },
    "zh": {
        "cards": "| 模型（16 位） | 显卡 | 权重 | 每个槽位的缓存 | 槽位 | 全忙时一个答案 | 每分钟答案数 |",
        "towns": "| 频道 | 成员 | 最忙一小时每分钟的问题 | 段落 | 磁盘上的行数据 | 使用中的索引 | 内存预算 | 显卡 |",
    },
}


def tables(language: str) -> dict[str, str]:
    """By name, as they stand in the page."""
    heads = _HEADS[language]
    cards = [heads["cards"], "| --- | --- | --- | --- | --- | --- | --- |"]
    for name, config in MODELS:
        for card in CARDS:
            one = serving(card, shape_of(config))
            cards.append(
                f"| {name} | {card.name} | {one.weights_gb:.1f} GB | {one.slot_gb:.2f} GB "
                f"| {one.slots} | {one.seconds:.0f} s | {one.a_minute:.0f} |"
            )
    reference = serving(CARDS[0], shape_of(_QWEN3_8B))
    towns = [heads["towns"], "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    towns += [
        f"| {town.channels:,} | {town.members:,} | {town.questions_a_minute:,.1f} "
        f"| {town.passages:,} | {town.disk_gb:,.2f} GB | {town.open_gb:,.2f} GB "
        f"| {town.budget_gb:,.1f} GB | {town.cards(reference)} |"
        for town in TOWNS
    ]
    return {"cards": "\n".join(cards), "towns": "\n".join(towns)}


def page(language: str) -> str:
    """The page with its tables as they are to be."""
    text = (ROOT / "docs" / PAGES[language]).read_text(encoding="utf-8")
    for name, table in tables(language).items():
        begin, end = BEGIN.format(name=name), END.format(name=name)
        before, _, rest = text.partition(begin)
        after = rest.partition(end)[2]
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


def main() -> int:
    wrong = 0
    for language, name in PAGES.items():
        path = ROOT / "docs" / name
        if path.read_text(encoding="utf-8") == page(language):
            continue
        if "--check" in sys.argv:
            sys.stderr.write(f"docs/{name} is not up to date\n")
            wrong = 1
        else:
            path.write_text(page(language), encoding="utf-8")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
