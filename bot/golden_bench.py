"""Golden questions asked as a member would ask them, over a base, or over the samples."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot import golden_runs
from bot.adapters.terminal.messages import question
from bot.adapters.terminal.replies import Reply, ask
from bot.errors import WorseAnswersError
from bot.golden_runs import Run, digest
from bot.settings import SAMPLES
from core.events import Turn
from core.golden import Golden, is_of, rank_of, read, says
from core.golden_figures import Answered, fallen
from core.language import Told, language_of
from core.own_words import Tongue
from core.ports import Inbox
from knowledge_base.library import Library
from knowledge_base.models import Upload

SHIPPED: Final = SAMPLES.parent / "golden_questions.jsonl"
"""Those over the samples."""
VERSIONS: Final = SAMPLES.parent / "golden_versions"
"""Older versions of some samples, which only these questions are asked over."""
SCRATCH: Final = "eval:golden"
"""Where the samples lie with their older versions while questions are asked; a name with a colon is
nobody's, and serves no place."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What questions are put to."""

    library: Library
    inbox: Inbox
    engine: str
    """What answers, by name."""

    async def run(
        self,
        questions: Sequence[Golden],
        base: str,
        show: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Run:
        """Ask them all, one after the other; nothing of it is kept as a conversation."""
        answered: list[Answered] = []
        for number, golden in enumerate(questions, start=1):
            show(number - 1, len(questions))
            answered.append(await self._one(golden, base, number))
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return Run(digest(questions, base), base, self.engine, at, tuple(answered))

    @asynccontextmanager
    async def samples(
        self, folders: Sequence[Path] = (VERSIONS, SAMPLES)
    ) -> AsyncGenerator[str, None]:
        """A base with what lies in these folders, which is empty again afterwards.

        The older versions come first, as they would have come.
        """
        base = await self.library.ensure_base(SCRATCH)
        await self.library.empty(base.base_id)
        try:
            for folder in folders:
                async with self.library.uploads([folder]) as uploads:
                    async for upload in uploads:
                        if isinstance(upload, Upload):
                            await self.library.add(base.base_id, upload)
            yield base.name
        finally:
            await self.library.empty(base.base_id)

    async def nightly(self, file: Path | None, base: str, data_dir: Path) -> Told:
        """Ask the questions of a file over a base, or the shipped ones over the samples.

        Raises `WorseAnswersError` where a figure fell beyond the interval of the run that is the
        measure, and what reading the file raises. It stays the measure until answers are as good
        again, or `kb eval` makes another.
        """
        questions = await asyncio.to_thread(read_file, file or SHIPPED)
        if file is not None:
            run = await self.run(questions, (await self.library.base(base)).name)
        else:
            async with self.samples() as scratch:
                run = await self.run(questions, scratch)
        earlier = await asyncio.to_thread(golden_runs.last, data_dir, run.questions)
        worse = () if earlier is None else fallen(run.groups, earlier.groups)
        if worse:
            raise WorseAnswersError(tuple((now.name, now.value, was.value) for now, was in worse))
        await asyncio.to_thread(golden_runs.keep, data_dir, run)
        return lambda _: _.plural(
            "{count} golden question was asked; nothing got worse.",
            "{count} golden questions were asked; nothing got worse.",
            len(questions),
        )

    async def _one(self, golden: Golden, base: str, number: int) -> Answered:
        turns: list[Turn] = []
        for earlier in golden.turns:
            reply = await self._ask(earlier, base, turns)
            turns += (Turn("user", earlier), Turn("assistant", reply.text))
        reply = await self._ask(golden.question, base, turns)
        return judged(golden, reply, golden.golden_id or str(number))

    async def _ask(self, text: str, base: str, turns: Sequence[Turn]) -> Reply:
        return await ask(self.inbox, question(text, (base,), context=tuple(turns)))


def judged(golden: Golden, reply: Reply, golden_id: str) -> Answered:
    """What a reply to a golden question is worth."""
    language = language_of(golden.question)
    passages = [source.passage for source in reply.sources]
    cited = [source.passage for source in reply.sources if source.cited]
    texts = [passage.chunk.text for passage in passages]
    return Answered(
        golden_id=golden_id,
        kind=golden.kind,
        language=language,
        answerable=golden.is_answerable,
        rank=rank_of(golden, passages),
        relevance=max((passage.relevance for passage in passages), default=0.0),
        refused=reply.refused,
        held=says(golden, reply.text) if golden.words else None,
        cited=any(is_of(golden, passage) for passage in cited) if cited else None,
        in_language=Tongue(language, texts).speaks(reply.text),
        seconds=round(reply.seconds, 4),
        failed=reply.failure is not None,
    )


def read_file(path: Path) -> tuple[Golden, ...]:
    """Raises `BadGoldenError`, `OSError`, `UnicodeDecodeError`."""
    return read(path.read_text(encoding="utf-8-sig"))
