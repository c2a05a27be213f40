"""A model behind a scripted server that reads documents through, and can be held at any request.

Of passages it says the first sentence of each paragraph, with its number; of notes, the notes.
"""

from __future__ import annotations

import asyncio
import re

from tests.support.scripted_server import DONE, Asked, Scripted, ScriptedServer, delta, usage

_PASSAGE = re.compile(r'<passage number="(\d+)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
_NOTES = re.compile(r"<document>\n(.*?)\n</document>", re.DOTALL)


class NoteTaker:
    """Takes the place of the model of a scripted server."""

    def __init__(self, server: ScriptedServer) -> None:
        self.prompts: list[str] = []
        self.holds: dict[int, asyncio.Event] = {}
        """Events that the request of that number, from 0, waits for before its first word."""
        self.fails: set[int] = set()
        """Requests that the server answers with an error."""
        server.script("/v1/chat/completions", self._answer)

    def _answer(self, asked: Asked) -> Scripted:
        number = len(self.prompts)
        self.prompts.append(asked.body["messages"][-1]["content"])
        if number in self.fails:
            return Scripted(status=400, body='{"error": {"message": "no"}}')
        said = said_of(self.prompts[-1])
        pieces = [*map(delta, re.findall(r"\S+\s*", said)), delta(finish="stop"), usage(7, 9), DONE]
        hold = {0: self.holds[number]} if number in self.holds else {}
        return Scripted(pieces, hold=hold)


def said_of(prompt: str) -> str:
    """What it says to a prompt."""
    notes = _NOTES.search(prompt)
    if notes is not None:
        return notes[1]
    return "\n".join(
        f"{re.split(r'(?<=[.。])', block)[0].strip()} [{number}]"
        for number, body in _PASSAGE.findall(prompt)
        for block in body.split("\n\n")
        if re.search(r"[.。]\s*$", block)  # no heading
    )
