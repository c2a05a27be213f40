"""(g) The OpenAI-compatible API: what it adds before the first byte, and a hundred streams at once.

The server is a process of its own with an engine that answers at once, so everything that is
measured is ours: key, rate, search, prompt, queue, HTTP, events.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import httpx2

from benchmarks.pairing import measure, percentile, say, verdict
from core.engines.base import ChatMessage, GenerationOptions
from tests.support.api_server import ObedientEngine, Served, api_process

PAIRS = 40
LIMIT_SECONDS = 0.015
STREAMS = 100
PIECES = 200
SLOTS = 8
_WITH_DOCUMENTS = ("lorekeeper/shared", "On which river does Paris lie?")
_ALONE = ("obedient", f"count to {PIECES}")


async def main() -> bool:
    """Prints the figures beside their limits; True where they hold."""
    with tempfile.TemporaryDirectory() as name:
        given = (str(SLOTS), str(STREAMS))
        with api_process(Path(name), *given) as served:
            async with _client(served) as client:
                holds = await _first_bytes(client, "with documents", _WITH_DOCUMENTS)
                holds &= await _first_bytes(client, "an engine alone", _ALONE)
                holds &= await _crowd(client, "with documents", _WITH_DOCUMENTS)
                return holds & await _crowd(client, "an engine alone", _ALONE)


def _client(served: Served) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=served.url,
        headers={"authorization": f"Bearer {served.keys['all']}"},
        limits=httpx2.Limits(max_connections=STREAMS, max_keepalive_connections=STREAMS),
        timeout=120,
        trust_env=False,
    )


async def _first_bytes(client: httpx2.AsyncClient, title: str, asked: tuple[str, str]) -> bool:
    engine = ObedientEngine()
    waited: list[float] = []

    async def ours(_pair: int) -> None:
        start = time.perf_counter()
        async with client.stream("POST", "/chat/completions", json=_body(asked)) as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            waited.append(time.perf_counter() - start)
            async for _line in lines:
                pass

    async def theirs(_pair: int) -> None:
        events = engine.stream([ChatMessage("user", asked[1])], GenerationOptions())
        start = time.perf_counter()
        await anext(events)
        bare.append(time.perf_counter() - start)
        await events.aclose()

    bare: list[float] = []
    await ours(0)
    waited.clear()
    await measure(ours, theirs, PAIRS)
    added = [a - b for a, b in zip(waited, bare, strict=True)]
    say(f"    {title}: 95th percentile {percentile(added, 0.95) * 1000:.1f} ms")
    name = f"(g) first byte over the bare engine, {title}, median seconds"
    return verdict(name, statistics.median(added), LIMIT_SECONDS)


async def _crowd(client: httpx2.AsyncClient, title: str, asked: tuple[str, str]) -> bool:
    """All at once, through a queue of few slots; each must bring every piece, and its end."""
    start = time.perf_counter()
    answers = await asyncio.gather(*(_answer(client, asked) for _ in range(STREAMS)))
    took = time.perf_counter() - start
    whole = answers.count(_expected(asked))
    say(f"    {title}: {STREAMS} streams through {SLOTS} slots in {took:.1f} s")
    name = f"(g) streams of {STREAMS} that came whole, {title}"
    return verdict(name, whole, STREAMS, at_least=True)


async def _answer(client: httpx2.AsyncClient, asked: tuple[str, str]) -> str:
    """The words of one stream; with a remark where it did not end as it should."""
    text, ended = "", False
    async with client.stream("POST", "/chat/completions", json=_body(asked)) as answer:
        async for line in answer.aiter_lines():
            if line == "data: [DONE]":
                ended = True
            elif line.startswith("data: "):
                choices = json.loads(line.removeprefix("data: ")).get("choices", [])
                text += "".join(one["delta"].get("content") or "" for one in choices)
    return text if ended else f"{text} (broken off)"


def _expected(asked: tuple[str, str]) -> str:
    if asked is _ALONE:
        return "".join(f"{number} " for number in range(1, PIECES + 1))
    return "Paris lies on the river Seine [1]."


def _body(asked: tuple[str, str]) -> dict[str, object]:
    model, text = asked
    return {"model": model, "stream": True, "messages": [{"role": "user", "content": text}]}


if __name__ == "__main__":
    asyncio.run(main())
