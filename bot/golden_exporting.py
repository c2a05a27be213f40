"""`kb eval --from feedback`: verdicts and notes as a file of golden questions, without names."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Container, Iterable

from bot import output
from bot.parts import open_library
from bot.settings import Config
from bot.titles import find_called
from bot.wording import own_words
from core.database import Database
from core.feedback import Feedback, Judged, searchable, settled
from core.followup import Lean, lean_of
from core.golden import Golden
from knowledge_base.library import Library
from knowledge_base.models import KnowledgeBase


async def export(config: Config, base: str | None) -> int:
    """Print them, one a line: of one base, or of all.

    👍 says what was cited, or that there was rightly no answer; a note is the answer to its
    question. What 👎 should have been, what a question followed, and where the answer stands now
    that its document is gone, only a person knows: such a line is a comment until somebody fills
    it in.
    """
    async with open_library(config, embedding=False) as library:
        named = base and await find_called(config, library, base, own_words(config))
        bases = (named,) if named else await library.bases()
        documents = frozenset([
            one.name for own in bases for one in await library.documents(own.base_id)
        ])  # fmt: skip
        lines = [
            line_of(judged, number, documents)
            for number, judged in enumerate(settled(await _given(config)), start=1)
            if not named or _is_about(judged, documents)
        ]
        lines += [line async for line in _notes(library, bases)]
    for line in lines:
        output.say(line)
    return 0


async def judged_about(config: Config, documents: Container[str]) -> tuple[Golden, ...]:
    """What verdicts tell of searches in a base with these documents."""
    given = await _given(config)
    return searchable([one for one in given if _is_about(one, documents)], documents)


async def _given(config: Config) -> tuple[Judged, ...]:
    async with Database.open(config.data_dir / "lorekeeper.db") as database:
        return await Feedback(database).given()


def _is_about(judged: Judged, documents: Container[str]) -> bool:
    """Whether something of a base was given with that answer."""
    return any(source.document in documents for source in judged.sources)


def line_of(judged: Judged, number: int, documents: Container[str]) -> str:
    """A verdict as a line of such a file; `documents` are those that are there."""
    golden = judged.golden
    cited = next((source.document for source in judged.sources if source.cited), None)
    row: dict[str, object] = {
        "id": f"feedback-{number}",
        "kind": "feedback",
        "question": judged.question,
        "document": None if judged.refused else cited,
        "words": [],
        "unanswerable": golden is not None and not golden.is_answerable,
    }
    line = json.dumps(row, ensure_ascii=False)
    if golden is None:
        return f"# {judged.verdict.value}: {line}"
    if lean_of(golden.question) is Lean.SURELY:
        return f"# turns: {line}"
    is_there = not golden.document or golden.document in documents
    return line if is_there else f"# gone: {line}"


async def _notes(library: Library, bases: Iterable[KnowledgeBase]) -> AsyncGenerator[str, None]:
    for base in bases:
        for document in await library.documents(base.base_id):
            note = await library.note(document)
            if note is not None:
                row: dict[str, object] = {
                    "id": f"note-{document.document_id}",
                    "kind": "note",
                    "question": note.question,
                    "document": document.name,
                    "words": [],
                    "unanswerable": False,
                }
                yield json.dumps(row, ensure_ascii=False)
