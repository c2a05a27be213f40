"""(k) Sentences of public sets that are made to say the opposite, by rule.

    EVAL_DIR=FOLDER python -m benchmarks swapped_polarity

Sets as for `retrieval_quality`. Each passage stands among three others. Of its sentences, two are
attributed as they stand, each that a rule fits is said in light other words that mean the same, and
up to two are made to say the opposite: a "not" put in or taken out, or a word changed for its
opposite. The rules are not those of `core.opposites`, and the sample is the same each time. Does
nothing where there are no sets.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.pairing import say, verdict
from benchmarks.refusal import sets
from benchmarks.retrieval_quality import EvaluationSet
from core.attribution import attribute
from knowledge_base.models import Passage
from knowledge_base.sentences import sentences
from tests.support.passages import passage

MARK = "(unsupported)"
PASSAGES = 240
EACH = 2
LENGTHS = range(21, 400)
_BE = r"\b(is|are|was|were|can|may|must|will|should|could|would)\b(?! not|n't| no\b| never| only)"
_ENGLISH_PAIRS = (
    ("before", "after"),
    ("more than", "less than"),
    ("at least", "at most"),
    ("increased", "decreased"),
    ("largest", "smallest"),
    ("highest", "lowest"),
    ("oldest", "newest"),
    ("always", "never"),
    ("with", "without"),
    ("allowed", "forbidden"),
    ("open", "closed"),
    ("north", "south"),
    ("northern", "southern"),
    ("included", "excluded"),
    ("accepted", "rejected"),
    ("rose", "fell"),
    ("possible", "impossible"),
)
_CHINESE_PAIRS = (
    ("之前", "之后"),
    ("以前", "以后"),
    ("至少", "至多"),
    ("以上", "以下"),
    ("增加", "减少"),
    ("上升", "下降"),
    ("提高", "降低"),
    ("最大", "最小"),
    ("最高", "最低"),
    ("最早", "最晚"),
    ("允许", "禁止"),
    ("必须", "不必"),
    ("开放", "关闭"),
    ("免费", "收费"),
    ("成功", "失败"),
    ("接受", "拒绝"),
    ("超过", "不足"),
    ("北部", "南部"),
    ("东部", "西部"),
)
_NEGATING = (
    ("put in", re.compile(_BE), r"\1 not"),
    ("taken out", re.compile(r"\b(?:not|never) (?!only|just|to\b|all|always|every|until)"), ""),
    ("taken out", re.compile(r"\b(is|are|was|were|could|would|did|does|do)n't\b"), r"\1"),
    ("taken out", re.compile(r"\bcannot\b"), "can"),
    (
        "put in",
        re.compile(r"(?<![不但只也还就而凡总于可像正若即便硬要若老])是(?![否不因由在为以一非])"),
        "不是",
    ),
    ("put in", re.compile(r"(?<![不才只])(可以|允许|需要)"), r"不\1"),
    ("put in", re.compile(r"(?<![没所具仅只还拥含占享持未只富设附])有(?=[一两三多许\d])"), "没有"),
    ("taken out", re.compile(r"没有(?=[\u4e00-\u9fff]{2})"), "有"),
    (
        "taken out",
        re.compile(
            r"(?<![毫绝并从])不(?=是[\u4e00-\u9fff]|会|能|可以|允许|需要)(?!能不|是不|会不)"
        ),
        "",
    ),
)
_SAME = (
    (re.compile(r"\b(is|are|was|were|could|would|did|does|do) not\b"), r"\1n't"),
    (re.compile(r"\bcannot\b"), "is not able to"),
    (re.compile(r"\bmust\b(?! not)"), "has to"),
    (re.compile(r"\bnot allowed\b"), "forbidden"),
    (re.compile(r"\ballowed\b"), "permitted"),
    (re.compile(r"\bat least\b"), "no less than"),
    (re.compile(r"\bmore than\b(?= \d)"), "over"),
    (re.compile(r"\bless than\b(?= \d)"), "under"),
    (re.compile(r" \([^()]*\)"), ""),
    (re.compile(r"^(?:However|In addition|Furthermore|Moreover|As a result), "), "Besides, "),
    (re.compile(r"^(?=[A-Z][a-z]+ (?:is|are|was|were) )"), "According to the text, "),
    (re.compile(r"不能够?"), "无法"),
    (re.compile(r"可以"), "能够"),
    (re.compile(r"必须"), "一定要"),
    (re.compile(r"禁止"), "不允许"),
    (re.compile(r"至少"), "不少于"),
    (re.compile(r"之前"), "以前"),
    (re.compile(r"之后"), "以后"),
    (re.compile(r"（[^（）]*）"), ""),
    (re.compile(r"^(?:但是?|然而|此外|同时|因此)，?"), "另外，"),
    (re.compile(r"^(?=[\u4e00-\u9fff]{2,6}是)"), "根据资料，"),
)
_FIRST_CLAUSE = re.compile(r"[,，;；](?!\d)")


@dataclass(slots=True)
class Counts:
    """What became of the sentences of one set."""

    plain: list[int] = field(default_factory=lambda: [0, 0])
    same: list[int] = field(default_factory=lambda: [0, 0])
    kinds: dict[str, list[int]] = field(default_factory=dict)
    """How many, and how many of them were marked."""
    seconds: float = 0.0

    @property
    def swapped(self) -> tuple[int, int]:
        """Likewise of all that say the opposite."""
        return sum(own[0] for own in self.kinds.values()), sum(
            own[1] for own in self.kinds.values()
        )


def measured(one: EvaluationSet, rng: random.Random) -> Counts:
    """Attribute sentences as they stand, in other words, and turned into their opposite."""
    counts = Counts()
    texts = list(one.documents.items())[:PASSAGES]
    for place, (_, text) in enumerate(texts):
        beside = [texts[(place + step) % len(texts)] for step in range(4)]
        passages = [passage(name, own, n=n) for n, (name, own) in enumerate(beside, start=1)]
        said = [part.text for part in sentences(text)]
        fit = [own for own in said if len(own) in LENGTHS]
        for sentence in rng.sample(fit, min(EACH, len(fit))):
            begun = time.perf_counter()
            _count(counts.plain, sentence, passages)
            counts.seconds += time.perf_counter() - begun
        for sentence in fit:
            for other in _in_other_words(sentence):
                _count(counts.same, other, passages)
        turned = [pair for own in rng.sample(fit, len(fit)) for pair in _turned(own, rng)]
        for kind, sentence in turned[:EACH]:
            if sentence not in text:
                _count(counts.kinds.setdefault(kind, [0, 0]), sentence, passages)
    return counts


def _count(into: list[int], sentence: str, passages: Sequence[Passage]) -> None:
    into[0] += 1
    into[1] += MARK in attribute(sentence, passages, "?", MARK).text


def _in_other_words(sentence: str) -> Iterator[str]:
    """What still says the same, or less of it."""
    made = sentence
    for pattern, other in _SAME:
        made = pattern.sub(other, made)
    if made != sentence:
        yield made
    clauses = _FIRST_CLAUSE.split(sentence)
    if len(clauses) > 1 and len(clauses[-1].strip()) in LENGTHS:
        yield clauses[-1].strip()


def _turned(sentence: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """The sentence once made to say the opposite, by one of the rules that fit, and which."""
    made: list[tuple[str, str]] = []
    for kind, pattern, other in _NEGATING:
        if found := pattern.search(sentence):
            start, end = found.span()
            made.append((kind, sentence[:start] + found.expand(other) + sentence[end:]))
    for pairs, edge in ((_ENGLISH_PAIRS, r"\b"), (_CHINESE_PAIRS, "")):
        for pair in pairs:
            for own, other in (pair, pair[::-1]):
                pattern = re.compile(f"{edge}{own}{edge}")
                if len(pattern.findall(sentence)) == 1 and other not in sentence:
                    made.append(("opposite", pattern.sub(other, sentence)))
    if made:
        yield rng.choice(made)


async def main() -> bool:
    """True where enough is caught, and enough left alone."""
    if not (found := await asyncio.to_thread(sets)):
        say("not run: EVAL_DIR names no folder with evaluation sets")
        return True
    held = True
    rng = random.Random(7)  # noqa: S311 - a repeatable sample, no secret
    for one in found:
        counts = await asyncio.to_thread(measured, one, rng)
        kinds = ", ".join(f"{kind} {own[1]} of {own[0]}" for kind, own in counts.kinds.items())
        say(f"    {one.name}: {counts.seconds / counts.plain[0] * 1000:.1f} ms; caught: {kinds}")
        swapped = counts.swapped
        held &= all(
            [
                verdict(
                    f"(k) opposites caught, {one.name} ({swapped[0]})",
                    swapped[1] / swapped[0],
                    0.8,
                    at_least=True,
                ),
                verdict(
                    f"(k) false alarms, as they stand, {one.name} ({counts.plain[0]})",
                    counts.plain[1] / counts.plain[0],
                    0.01,
                ),
                verdict(
                    f"(k) false alarms, in other words, {one.name} ({counts.same[0]})",
                    counts.same[1] / counts.same[0],
                    0.02,
                ),
            ]
        )
    return held


if __name__ == "__main__":
    asyncio.run(main())
