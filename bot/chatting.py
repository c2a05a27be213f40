"""The `chat` command: one question, a file of questions, or a conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot import output
from bot.adapters.terminal import Answer, Terminal, ask, question
from bot.app import Bot, build
from bot.questions import questions
from bot.settings import Config
from bot.wording import own_words


@asynccontextmanager
async def _ready(config: Config) -> AsyncGenerator[Bot, None]:
    """The pipeline of the running bot in this process, with the followed folders up to date."""
    async with build(config) as bot:
        await bot.folders.follow_all()
        yield bot


async def once(config: Config, bases: Sequence[str], text: str, as_json: bool) -> int:
    """Answer one question; 1 if it could not be answered for a reason other than knowledge."""
    async with _ready(config) as bot:
        answer = await ask(bot.inbox, question(text, tuple(bases), context=()))
    if answer.failure:
        output.tell(answer.failure)
    if as_json:
        output.emit(_fields(answer))
    else:
        output.say(answer.text)
        for source in answer.sources:
            if source.cited:
                output.say(f"  [{source.number}] {source.passage.document.name}")
    return 1 if answer.failure else 0


async def answer_file(config: Config, bases: Sequence[str], path: Path) -> int:
    """Answer each line of a file, in order; 1 if any failed."""
    asked = list(questions(path))
    code = 0
    async with _ready(config) as bot:
        for key, text in asked:
            answer = await ask(bot.inbox, question(text, tuple(bases), context=()))
            if answer.failure:
                code = 1
                output.tell(f"{key}: {answer.failure}")
            output.emit({"id": key, **_fields(answer)})
    return code


async def converse(config: Config, bases: Sequence[str]) -> int:
    """Talk at the terminal."""
    async with _ready(config) as bot:
        history = config.data_dir / "terminal_history"
        await Terminal(bot.inbox, tuple(bases), own_words(config), history).converse()
    return 0


def _fields(answer: Answer) -> dict[str, object]:
    """The JSON object of one answer; scripts rely on its names."""
    return {
        "text": answer.text,
        "refused": answer.refused,
        "sources": [
            {
                "number": source.number,
                "document": source.passage.document.name,
                "page": source.passage.chunk.page,
                "heading": source.passage.chunk.heading,
                "relevance": round(source.passage.relevance, 6),
                "cited": source.cited,
                "text": source.passage.chunk.text,
            }
            for source in answer.sources
        ],
        "usage": {
            "prompt_tokens": answer.usage.prompt_tokens if answer.usage else 0,
            "completion_tokens": answer.usage.completion_tokens if answer.usage else 0,
        },
    }
