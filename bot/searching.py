"""`kb search`: passages as they are found, with what of the question stands in them marked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot import output
from bot.parts import open_library
from bot.questions import questions
from bot.settings import Config
from bot.titles import find_called
from bot.wording import own_words
from knowledge_base.matching import matches
from knowledge_base.models import Legs, Passage, Scope, SearchResult


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """The options of `kb search`."""

    base: str
    limit: int | None
    legs: str
    as_json: bool


async def search(config: Config, request: SearchRequest, query: str) -> int:
    """One search, shown whether or not it would refuse."""
    async with open_library(config) as library:
        scope = Scope(
            frozenset(
                {(await find_called(config, library, request.base, own_words(config))).base_id}
            )
        )
        result = await library.search(scope, query, limit=request.limit, legs=Legs(request.legs))
    if request.as_json:
        _emit_result(None, query, result)
        return 0
    if result.refused:
        _ = own_words(config)
        threshold = f"{result.threshold:.2f}"
        output.say(_("Nothing reaches the threshold of {threshold}; nearest:", threshold=threshold))
    for passage in result.passages:
        output.say(f"\n{passage.relevance:.2f}  {_place(passage)}")
        text = passage.chunk.text
        output.say_marked(text, matches(query, text) if output.marks() else ())
    return 0


async def search_file(config: Config, request: SearchRequest, queries: Path) -> int:
    """A search for each line of a file, in order; the best passage of each document."""
    async with open_library(config) as library:
        scope = Scope(
            frozenset(
                {(await find_called(config, library, request.base, own_words(config))).base_id}
            )
        )
        for key, question in questions(queries):
            result = await library.search(
                scope,
                question,
                limit=request.limit,
                legs=Legs(request.legs),
                per_document=True,
            )
            if request.as_json:
                _emit_result(key, question, result)
            else:
                names = ", ".join(result.nearest)
                output.say(f"{question}\n    {names}")
    return 0


def _emit_result(key: object, query: str, result: SearchResult) -> None:
    output.emit(
        {
            "id": key,
            "hits": [
                {
                    "document": passage.document.name,
                    "page": passage.chunk.page,
                    "heading": passage.chunk.heading,
                    "relevance": round(passage.relevance, 6),
                    "text": passage.chunk.text,
                    "matches": [list(span) for span in matches(query, passage.chunk.text)],
                }
                for passage in result.passages
            ],
            "refused": result.refused,
        }
    )


def _place(passage: Passage) -> str:
    page = f"page {passage.chunk.page}" if passage.chunk.page is not None else ""
    return " · ".join(filter(None, (passage.document.name, page, passage.chunk.heading)))
