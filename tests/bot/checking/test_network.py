"""Which hosts `check` tries, through which proxy, and how what goes wrong is told."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from pydantic import SecretStr

from bot.checking import network
from bot.checking.reach import Answer, UnansweredError, Way, ask, trouble_of, trouble_words
from bot.planning import planned
from bot.settings import (
    Config,
    DiscordSettings,
    ModelsSettings,
    NetworkSettings,
    TelegramSettings,
)
from core.language import words
from core.settings import EngineSettings
from knowledge_base.settings import EmbeddingSettings
from tests.support.looked import MACHINE, found, states
from tests.support.proxy import proxying
from tests.support.scripted_server import scripted_server

ALL = "http://all.example:3128"


def tried(config: Config) -> dict[str, str | None]:
    where = network.destinations(config, planned(config, MACHINE))
    return {one.origin: one.way.proxy for one in where}


def test_a_bot_without_tokens_and_servers_needs_nobody():
    assert tried(Config()) == {}


def test_every_surface_names_its_hosts_and_its_proxy():
    config = Config(
        discord=DiscordSettings(token=SecretStr("t"), proxy="http://own.example:1"),
        telegram=TelegramSettings(token=SecretStr("t"), proxy="direct"),
        engine=EngineSettings(
            kind="openai", base_urls=("https://a.example/v1", "http://b:8000/v1")
        ),
        embedding=EmbeddingSettings(base_url="https://e.example/v1", model="m"),
        models=ModelsSettings(endpoint="https://mirror.example"),
        network=NetworkSettings(ALL),
    )
    assert tried(config) == {
        "https://discord.com": "http://own.example:1",
        "https://gateway.discord.gg": "http://own.example:1",
        "https://cdn.discordapp.com": "http://own.example:1",
        "https://api.telegram.org": None,
        "https://a.example": ALL,
        "http://b:8000": ALL,
        "https://e.example": ALL,
        "https://mirror.example": ALL,
    }


def test_what_is_on_this_machine_is_left_out():
    config = Config(
        discord=DiscordSettings(token=SecretStr("t"), api_base_url="http://127.0.0.1:1/api/v10"),
        engine=EngineSettings(kind="openai", base_url="http://localhost:8000/v1"),
        network=NetworkSettings(ALL),
    )
    assert tried(config) == {}


async def test_hosts_answer_through_the_proxy_and_clocks_agree():
    async with scripted_server() as server:
        port = int(server.address.split(":")[2].split("/")[0])
        async with proxying({"llm.example.com": port}, login=("me", "word")) as proxy:
            config = Config(
                engine=EngineSettings(kind="openai", base_url="http://llm.example.com/v1"),
                network=NetworkSettings(proxy.url),
            )
            items = await found(network.look, config)
            assert states(items) == [("ok", "network")]
            assert f"through http://127.0.0.1:{proxy.port}" in items[0].text
            assert "word" not in items[0].text
            assert proxy.requests == {"llm.example.com": 1}


async def trouble(url: str, proxy: str | None, seconds: float = 10) -> UnansweredError:
    with pytest.raises(UnansweredError) as raised:
        await ask(url, Way(proxy), seconds=seconds)
    for language in ("en", "zh"):
        text, fix = trouble_words(raised.value, words(language))
        assert text
        assert fix
        assert "word" not in text
    return raised.value


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_says_no_is_told_apart(scheme):
    url = f"{scheme}://llm.example.com/v1"
    async with proxying({}, forbidden=frozenset({"closed.example.com"})) as proxy:
        assert (await trouble(url, proxy.url)).trouble == "proxy_cannot"
        if scheme == "https":
            refused = await trouble("https://closed.example.com/", proxy.url)
            assert (refused.trouble, refused.detail) == ("proxy_refuses", "403")
        proxy.login = ("me", "word")
        proxied = f"http://me:wrong@127.0.0.1:{proxy.port}"
        assert (await trouble(url, proxied)).trouble == "proxy_login"
        gone = proxy.port
    assert (await trouble(url, f"http://127.0.0.1:{gone}")).trouble == "proxy_gone"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Proxy Server could not connect: Host unreachable.", "proxy_cannot"),
        ("Invalid username/password", "proxy_login"),
        ("Requested NO AUTHENTICATION REQUIRED from proxy server", "proxy_login"),
        ("407 Proxy Authentication Required", "proxy_login"),
        ("403 Forbidden", "proxy_refuses"),
        ("504 Gateway Timeout", "proxy_cannot"),
    ],
)
def test_what_proxies_say_is_told_apart(said, told):
    # Not asked of one: the library leaves its socket open where a SOCKS proxy says no.
    assert trouble_of(httpx2.ProxyError(said), proxied=True)[0] == told


async def test_a_socks_proxy_that_is_not_there_is_told():
    async with proxying({}) as proxy:
        pass
    asked = await trouble("https://llm.example.com/v1", proxy.address("socks"))
    assert asked.trouble == "proxy_gone"


async def test_a_certificate_that_nobody_vouches_for_is_told():
    async with proxying({"llm.example.com": 1}, opens_tls=True) as proxy:
        found_trouble = await trouble("https://llm.example.com/v1", proxy.url)
    assert found_trouble.trouble == "tls"
    assert found_trouble.detail


@asynccontextmanager
async def silent():
    """A server that takes connections and says nothing."""
    waiting = asyncio.Event()

    async def serve(_reader, writer):
        await waiting.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        waiting.set()
        server.close()


async def test_a_server_that_says_nothing_is_waited_for_a_while():
    async with silent() as port:
        assert (await trouble(f"http://127.0.0.1:{port}/", None, 0.2)).trouble == "timeout"


async def test_nobody_there_and_an_unknown_name_are_told_apart(monkeypatch):
    async with silent() as port:
        pass
    assert (await trouble(f"http://127.0.0.1:{port}/", None)).trouble == "refused"

    def unknown(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert (await trouble("http://nowhere.example/", None)).trouble == "name"
    assert (await trouble("http://nowhere.example/", "http://p.example:1")).trouble == "proxy_name"


async def test_this_machine_is_asked_without_the_proxy():
    async with scripted_server() as server, proxying({}) as proxy:
        answer = await ask(f"{server.address}/models", Way(proxy.url))
    assert answer.status == 404
    assert proxy.refused == 0


async def test_a_proxy_of_the_environment_is_told_not_used(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    items = await found(network.look, Config())
    assert states(items) == [("warning", "network"), ("ok", "network")]
    assert items[0].fix == '[network] proxy_env = "HTTPS_PROXY"'
    told = await found(network.look, Config(network=NetworkSettings("http://127.0.0.1:9")))
    assert states(told) == [("ok", "network")]


@pytest.mark.parametrize(("off", "told"), [(5, []), (600, [("warning", "clock")])])
async def test_a_clock_that_is_far_off_is_told(monkeypatch, off, told):
    async def answering(url, way, **_how):
        return Answer(200, 0.1, None, datetime.now(UTC) - timedelta(seconds=off))

    monkeypatch.setattr(network, "ask", answering)
    config = replace(Config(), telegram=TelegramSettings(token=SecretStr("t")))
    items = await found(network.look, config)
    assert states(items) == [("ok", "network"), *told]
