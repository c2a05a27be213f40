"""The API with a scripted engine, as a process: `python -m tests.support.api_server FOLDER`.

It prints one JSON object: its address and keys. Bases `shared` (the Seine) and `vault` (a code).
The engine does what the question says: "for ever" never ends, "break off" fails after a few words,
"fail" before the first, "echo" says what it was asked and how, "count to 30" counts.
Where a program wishes "Deny it", it finds no answer, and goes on.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import FastAPI

from bot.adapters.api.api import Api
from bot.adapters.api.requests import Limits
from bot.adapters.web.server import serving
from bot.assembly import Stores, assemble
from bot.rules import rules_of
from bot.settings import ApiSettings, Config, WebSettings
from core.accounts import Accounts, Configured
from core.database import Database
from core.engines.base import (
    ChatMessage,
    EngineDelta,
    EngineEvent,
    EngineFinished,
    GenerationOptions,
)
from core.engines.choice import EngineChoice
from core.engines.extractive import ExtractiveEngine
from core.engines.queued import QueuedEngine
from core.errors import EngineUnavailableError
from core.events import IncomingMessage
from core.keys import Keys, Wanted
from core.ports import Refetched, Unknown
from core.replies import Usage
from core.settings import EngineSettings
from knowledge_base.library import Library
from tests.support.libraries import add_text, open_library
from tests.support.shell import environment

SEINE = "Paris lies on the river Seine. 巴黎位于塞纳河畔。"
VAULT = "The code of the vault is 4711-plover."
READY_SECONDS = 120


class ObedientEngine:
    """Does what the last message asks for; tells how many streams are open."""

    context_window = 8192
    trusted = True
    quotes = False
    languages = None

    def __init__(self, name: str = "obedient", *, slots: int = 4, sees: bool = False) -> None:
        self.name = name
        self.slots = slots
        self.accepts_images = sees
        self.open = 0
        self.begun = 0

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(len(message.text.split()) for message in messages)

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        self.open += 1
        self.begun += 1
        said = 0
        try:
            for piece in _said(messages, options, self.name):
                if options.max_tokens is not None and said >= options.max_tokens:
                    yield EngineFinished("length", Usage(7, said))
                    return
                said += 1
                yield EngineDelta(piece)
                await asyncio.sleep(0)
            if "for ever" in _question(messages):
                await asyncio.Event().wait()
            if "break off" in _question(messages):
                raise EngineUnavailableError(self.name)
            yield EngineFinished("stop", Usage(7, said))
        finally:
            self.open -= 1

    async def aclose(self) -> None:
        pass


def _question(messages: Sequence[ChatMessage]) -> str:
    """Without the passages, where there are any."""
    last = messages[-1]
    return last.text if last.grounding is None else last.grounding.question


def _said(messages: Sequence[ChatMessage], options: GenerationOptions, name: str) -> list[str]:
    asked = _question(messages)
    if "fail" in asked:
        raise EngineUnavailableError(name)
    if "echo" in asked:
        said = [{"role": one.role, "text": one.text} for one in messages]
        images = [image.media_type for image in messages[-1].images]
        return [json.dumps({"messages": said, "options": asdict(options), "images": images})]
    if found := re.search(r"count to (\d+)", asked):
        return [f"{number} " for number in range(1, int(found[1]) + 1)]
    if "Deny it" in messages[0].text:
        return ["The documents ", "do not say. ", "They are ", "about rivers. ", "And "]
    if "vault" in asked:
        return ["The code of the vault ", "is 4711-plover [1]."]
    if "巴黎" in asked:
        return ["巴黎位于", "塞纳河畔[1]。"]
    return ["Paris lies ", "on the river ", "Seine [1]."]


@dataclass(frozen=True)
class Served:
    """A server and what opens it."""

    address: str
    folder: str
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.address}/v1"


class Probe:
    """What the engine is doing, for tests that may not look into the process."""

    def __init__(self, engine: ObedientEngine) -> None:
        self._engine = engine

    def mount(self, app: FastAPI, settings: WebSettings) -> None:
        @app.get("/probe")
        async def probe() -> dict[str, int]:
            return {"open": self._engine.open, "begun": self._engine.begun}

        @app.get("/")
        async def page() -> str:
            return "the console"


@asynccontextmanager
async def api_server(
    folder: Path, *, slots: int = 4, web: WebSettings | None = None, waiting: int = 30
) -> AsyncGenerator[Served]:
    """Serve while the block lasts."""
    config = Config(data_dir=folder, owners=(), chat=Config().chat, api=ApiSettings(max_body_mb=2))
    async with (
        open_library(folder) as library,
        Database.open(folder / "lorekeeper.db") as database,
    ):
        engine, seeing = ObedientEngine(slots=slots), ObedientEngine("seeing", sees=True)
        settings = EngineSettings(
            max_waiting=1000, max_waiting_per_member=waiting, max_waiting_per_channel=waiting
        )
        quoting = QueuedEngine.of(ExtractiveEngine(library.quote), settings)
        engines = EngineChoice(
            {
                "obedient": QueuedEngine.of(engine, settings),
                "seeing": QueuedEngine.of(seeing, settings),
                "extractive": quoting,
            },
            "obedient",
            quoting,
        )

        async def refetch(_message: IncomingMessage) -> Refetched:
            return Unknown()

        stores = Stores(library, database, engines)
        core = await assemble(config, rules_of(config), stores, {}, refetch)
        keys = Keys(database)
        tokens, ids = await _keys(library, keys, folder)
        api = Api(core.dispatcher, library, engines, keys, config.api, Limits(2, 1 << 20))
        web = web or WebSettings(port=0)
        own = (
            None
            if web.password is None
            else Configured("operator", web.password.get_secret_value())
        )
        accounts = Accounts(database, own)
        async with serving(web, api, Probe(engine), accounts=accounts) as address:
            yield Served(address, str(folder), tokens, ids)
            await core.dispatcher.drain(1.0)


async def _keys(
    library: Library, keys: Keys, folder: Path
) -> tuple[dict[str, str], dict[str, str]]:
    shared = (await library.ensure_base("shared")).base_id
    vault = (await library.ensure_base("vault")).base_id
    await library.ensure_base("discord:1")
    await add_text(library, shared, folder, "paris.md", SEINE)
    await add_text(library, vault, folder, "vault.md", VAULT)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    wanted = {
        "shared": Wanted("one base", frozenset({shared}), rate=100_000),
        "both": Wanted("two bases", frozenset({shared, vault}), rate=100_000),
        "plain": Wanted("engines", frozenset(), plain=True, rate=100_000),
        "all": Wanted("all there is", frozenset({shared, vault}), plain=True, rate=100_000),
        "slow": Wanted("three a minute", frozenset({shared}), rate=3),
        "expired": Wanted("old", frozenset({shared}), expires_at=yesterday),
        "doomed": Wanted("to be revoked", frozenset(), plain=True, rate=100_000),
    }
    made = {name: await keys.make(one) for name, one in wanted.items()}
    return (
        {name: token for name, (_key, token) in made.items()},
        {name: key.key_id for name, (key, _token) in made.items()},
    )


@contextmanager
def api_process(folder: Path, *arguments: str) -> Iterator[Served]:
    """The server as a process of its own; it always ends."""
    log = folder / "server.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.api_server", str(folder), *arguments],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = process.stdout.readline()
        assert line, f"never ready; its log:\n{log.read_text(encoding='utf-8')[-3000:]}"
        yield Served(**json.loads(line))
    finally:
        process.stdin.close()  # The end of its input is its end.
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


async def main(folder: Path, slots: int, waiting: int) -> None:
    async with api_server(folder, slots=slots, waiting=waiting) as served:
        sys.stdout.write(json.dumps(asdict(served)) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[2:]]
    asyncio.run(main(Path(sys.argv[1]), *given or (4, 30)))
