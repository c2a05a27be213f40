"""The one FastAPI application, served by the one uvicorn server."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

import uvicorn
from fastapi import FastAPI

from bot.adapters.web.guard import HostGuard, is_loopback
from bot.adapters.web.login import Door
from bot.errors import SETTINGS, ConfigError, PortTakenError, Problem
from bot.settings import WebSettings
from core.accounts import Accounts
from core.language import Later

_CLOSE_SECONDS = 3
_LAST_WORDS_SECONDS = 0.3
"""For the last events of drained replies to reach the pages that show them."""


class Mountable(Protocol):
    """Pages that the application carries."""

    def mount(self, app: FastAPI, settings: WebSettings) -> None: ...


class _Server(uvicorn.Server):
    """uvicorn, but deaf to signals: it would stop at once, before replies in flight are drained."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # By now every reply is drained. Open pages still hold their streams, and would for ever.
        await asyncio.sleep(_LAST_WORDS_SECONDS)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def create_app(
    settings: WebSettings, *pages: Mountable, accounts: Accounts | None = None
) -> FastAPI:
    """The application with everything mounted; `/healthz` answers without a login.

    Without `accounts` nobody can log in: it answers to this machine alone.

    Whatever is mounted first takes its addresses from those behind it.
    """
    app = FastAPI(title="Lorekeeper", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    for one in pages:
        one.mount(app, settings)
    app.add_middleware(HostGuard, door=None if accounts is None else Door(accounts))
    return app


async def check_login(settings: WebSettings, accounts: Accounts | None) -> None:
    """Raises `ConfigError` where other machines could use the console without a login."""
    has_login = accounts is not None and await accounts.exist()
    if not is_loopback(settings.host) and not has_login:
        raise ConfigError(
            Problem(
                SETTINGS,
                None,
                "web.host",
                Later(
                    "{host} can be reached from other machines, which needs a login: make an "
                    "account with `python -m bot console add-user NAME`, set web.password_env, or "
                    "leave web.host at 127.0.0.1",
                    host=settings.host,
                ),
            )
        )


@asynccontextmanager
async def serving(
    settings: WebSettings, *pages: Mountable, accounts: Accounts | None = None
) -> AsyncGenerator[str, None]:
    """Serve until the block is left; yields the address to open.

    Raises `ConfigError` for an open address without a login and `PortTakenError`.
    """
    await check_login(settings, accounts)
    listening = _listen(settings.host, settings.port)
    with listening:
        server = _Server(
            uvicorn.Config(
                create_app(settings, *pages, accounts=accounts),
                log_config=None,
                access_log=False,
                lifespan="on",
                timeout_graceful_shutdown=_CLOSE_SECONDS,
                proxy_headers=False,
                server_header=False,
            )
        )
        task = asyncio.create_task(server.serve([listening]), name="web server")
        try:
            listens = asyncio.create_task(server.listens.wait(), name="web server listens")
            await asyncio.wait({task, listens}, return_when=asyncio.FIRST_COMPLETED)
            listens.cancel()
            if task.done():
                await task
            yield _address(settings.host, listening.getsockname()[1])
        finally:
            server.should_exit = True
            await asyncio.shield(asyncio.wait({task}, timeout=_CLOSE_SECONDS + 2))
            if not task.done():
                task.cancel()
                await asyncio.wait({task})


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small writes at once (TCP_NODELAY) only where the protocol is named: without it,
    # the first words of an answer wait 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two programs share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]"), port))
        listening.set_inheritable(False)
    except OSError as error:
        listening.close()
        raise PortTakenError(host, port, "web.port") from error
    return listening


def _address(host: str, port: int) -> str:
    shown = f"[{host.strip('[]')}]" if ":" in host else host
    return f"http://{shown}:{port}"
