"""The `chat` command: one question, a file of questions, or a conversation."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot import output
from bot.adapters.terminal.messages import question
from bot.adapters.terminal.replies import Reply, ask
from bot.building import Bot, build
from bot.questions import questions
from bot.settings import Config
from bot.wording import own_words
from core.events import IncomingMessage
from core.feedback import Feedback, Verdict
from core.history import History


@asynccontextmanager
async def _ready(config: Config) -> AsyncGenerator[Bot, None]:
    """The pipeline of the running bot in this process, with the followed folders up to date."""
    async with build(config) as bot:
        await bot.folders.follow_all()
        yield bot


async def once(config: Config, bases: Sequence[str], text: str, as_json: bool) -> int:
    """Answer one question, "-" from standard input; 1 if it could not be answered for a reason
    other than knowledge."""
    if text == "-":
        text = (await asyncio.to_thread(sys.stdin.buffer.read)).decode("utf-8", "replace").strip()
    if not text.strip():
        output.tell(own_words(config)("There is no question."))
        return 2
    async with _ready(config) as bot:
        reply = await ask(bot.inbox, question(text, tuple(bases), context=()))
    if reply.failure:
        output.tell(reply.failure.text)
    if as_json:
        output.emit(_fields(reply))
    else:
        output.say(reply.text)
        for source in reply.sources:
            if source.cited:
                output.say(f"  [{source.number}] {source.passage.document.name}")
    return 1 if reply.failure else 0


async def answer_file(config: Config, bases: Sequence[str], path: Path) -> int:
    """Answer each line of a file, in order; 1 if any failed."""
    asked = list(questions(path))
    code = 0
    async with _ready(config) as bot:
        for key, text in asked:
            reply = await ask(bot.inbox, question(text, tuple(bases), context=()))
            if reply.failure:
                code = 1
                output.tell(f"{key}: {reply.failure.text}")
            output.emit({"id": key, **_fields(reply)})
    return code


async def converse(config: Config, bases: Sequence[str]) -> int:
    """Talk at the terminal."""
    from bot.adapters.terminal.desk import Desk
    from bot.adapters.terminal.session import Terminal

    async with _ready(config) as bot:
        history, feedback = History(bot.database), Feedback(bot.database)

        async def judge(asked: IncomingMessage, verdict: Verdict) -> bool:
            answer = await history.answer(asked.conversation, asked.message_id)
            if answer is not None:
                await feedback.give(asked.conversation, answer, asked.author.user_id, verdict)
            return answer is not None

        async def remove(asked: IncomingMessage) -> None:
            await history.remove(asked.conversation, asked.message_id)
            await feedback.remove(asked.conversation, asked.message_id)

        async def names() -> Sequence[str]:
            return [base.name for base in await bot.library.bases()]

        typed = config.data_dir / "terminal_history"
        desk = Desk(bot.inbox, bot.completions, bot.forms, judge, remove, names, typed)
        await Terminal(desk, tuple(bases), own_words(config)).converse()
    return 0


def _fields(reply: Reply) -> dict[str, object]:
    """The JSON object of one answer; scripts rely on its names (docs/terminal.md)."""
    first = reply.first_text_seconds
    return {
        "text": reply.text,
        "refused": reply.refused,
        "reason": reply.outcome,
        "error": reply.failure
        and {
            "text": reply.failure.text,
            "code": reply.failure.code or None,
            "reference": reply.failure.reference,
        },
        "notices": reply.notices,
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
            for source in reply.sources
        ],
        "usage": {
            "prompt_tokens": reply.usage.prompt_tokens if reply.usage else 0,
            "completion_tokens": reply.usage.completion_tokens if reply.usage else 0,
        },
        "timing": {
            "first_text_seconds": None if first is None else round(first, 3),
            "seconds": round(reply.seconds, 3),
        },
    }
