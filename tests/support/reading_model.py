"""A model behind a scripted server that answers from the passages of its prompt, slowly if asked.

It says the sentence that shares the most with the question, word by word, so that what reaches a
chat is what the prompt held; and it can be held in the middle of a word.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Generator
from contextlib import contextmanager

from tests.support.scripted_server import (
    DONE,
    Asked,
    Scripted,
    ScriptedServer,
    delta,
    usage,
)

_PASSAGE = re.compile(r"<passage [^>]*>\n(.*?)\n</passage>", re.DOTALL)
_QUESTION = re.compile(r"(?:Question: |问题：)(.*)\Z", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s*|\n+")
_WORD = re.compile(r"[a-z]{3,}")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_SMALL = frozenset(("the", "when", "who", "what", "how", "does", "much", "for", "and", "not"))
SILENCE = "The documents do not say."
_SAID = 6
"""So many pieces of an answer are said before it is held."""


class ReadingModel:
    """Takes the place of the model of a scripted server."""

    def __init__(self, server: ScriptedServer, *, pause_seconds: float = 0.0) -> None:
        self.prompts: list[str] = []
        """What it was asked, the last message of each request."""
        self._pause_seconds = pause_seconds
        self._going = asyncio.Event()
        self._going.set()
        server.script("/v1/chat/completions", self._answer)

    @contextmanager
    def held(self) -> Generator[None]:
        """What is said in the block stops in its middle until the block ends."""
        self._going.clear()
        try:
            yield
        finally:
            self._going.set()

    def _answer(self, asked: Asked) -> Scripted:
        prompt = asked.body["messages"][-1]["content"]
        self.prompts.append(prompt)
        said = answer_in(prompt)
        words = re.findall(r"\S{1,6}\s*", said)
        pieces = [*map(delta, words), delta(finish="stop"), usage(7, len(words)), DONE]
        hold = {min(_SAID, len(words)): self._going}
        return Scripted(pieces, hold=hold, pause_seconds=self._pause_seconds)


def answer_in(prompt: str) -> str:
    """The sentence of the passages that shares the most with the question."""
    asked = _QUESTION.search(_PASSAGE.sub("", prompt))
    wanted = _terms(asked[1] if asked else "")
    sentences = [
        sentence.strip()
        for passage in _PASSAGE.findall(prompt)
        for sentence in _SENTENCE.split(passage)
        if sentence.strip() and not sentence.lstrip().startswith("#")
    ]
    best = max(sentences, key=lambda sentence: len(wanted & _terms(sentence)), default=SILENCE)
    return best if wanted & _terms(best) else SILENCE


def _terms(text: str) -> frozenset[str]:
    words = {word[:4] for word in _WORD.findall(text.lower()) if word not in _SMALL}
    pairs = {run[at : at + 2] for run in _HAN.findall(text) for at in range(len(run) - 1)}
    return frozenset(words | pairs)
