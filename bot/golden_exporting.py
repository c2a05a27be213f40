"""`kb eval --from feedback`: verdicts and notes as a file of golden questions, without names."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable

from bot import output
from bot.parts import open_library
from bot.settings import Config
from bot.titles import find_called
from bot.wording import own_words
from core.database import Database
from core.feedback import Feedback, Judged
from knowledge_base.library import Library
from knowledge_base.models import KnowledgeBase


async def export(config: Config, base: str | None) -> int:
    """Print them, one a line: of one base, or of all.

    👍 says what was cited, or that there was rightly no answer; a note is the answer to its
    question. What 👎 should have been only a person knows: such a line is a comment until somebody
    fills it in.
    """
    async with open_library(config, embedding=False) as library:
        named = base and await find_called(config, library, base, own_words(config))
        bases = (named,) if named else await library.bases()
        known = {one.name for own in bases for one in await library.documents(own.base_id)}
        async with Database.open(config.data_dir / "lorekeeper.db") as database:
            verdicts = await Feedback(database).given()
        lines = [
            line_of(judged, number)
            for number, judged in enumerate(_latest(verdicts), start=1)
            if not named or any(source.document in known for source in judged.sources)
        ]
        lines += [line async for line in _notes(library, bases)]
    for line in lines:
        output.say(line)
    return 0


def line_of(judged: Judged, number: int) -> str:
    """A verdict as a line of such a file."""
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
    return line if golden is not None else f"# {judged.verdict.value}: {line}"


def _latest(verdicts: Iterable[Judged]) -> list[Judged]:
    """The last verdict on each question."""
    return list({judged.question.casefold().strip(): judged for judged in verdicts}.values())


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
