from __future__ import annotations

import socket

import httpx2
import pytest
from fastapi import FastAPI

from bot.adapters.web.server import serving
from bot.errors import ConfigError, PortTakenError
from bot.settings import WebSettings
from core.accounts import Accounts, Configured
from core.database import Database


class EmptyConsole:
    """A console without a page, for tests of the server around it."""

    def mount(self, app: FastAPI, settings: WebSettings) -> None:
        @app.get("/")
        async def page() -> str:
            return "the page"


async def test_it_serves_while_the_block_lasts_and_not_after():
    async with (
        serving(WebSettings(port=0), EmptyConsole()) as address,
        httpx2.AsyncClient(trust_env=False) as client,
    ):
        assert (await client.get(f"{address}/healthz")).json() == {"status": "ok"}
        assert (await client.get(f"{address}/")).text == '"the page"'
        foreign = {"host": "evil.example"}
        assert (await client.get(f"{address}/", headers=foreign)).status_code == 403
    async with httpx2.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"{address}/healthz")


async def test_a_port_in_use_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError):
            async with serving(WebSettings(port=port), EmptyConsole()):
                pass


async def test_an_open_address_needs_a_login(tmp_path):
    with pytest.raises(ConfigError, match=r"web\.host.*web\.password_env"):
        async with serving(WebSettings(host="0.0.0.0", port=0), EmptyConsole()):
            pass
    settings = WebSettings(host="0.0.0.0", port=0)
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        accounts = Accounts(database, Configured("operator", "in the file"))
        async with serving(settings, EmptyConsole(), accounts=accounts) as address:
            assert address.startswith("http://0.0.0.0:")
