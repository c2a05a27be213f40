"""The bot as a process that reaches the outside by proxies alone, at the addresses of real life.

Everything that the bot could reach otherwise is closed to it (tests/support/confined), so that what
is not led through a proxy fails and is noted.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.scenes.pair import UNHURRIED
from tests.platforms.discord_server.filling import File
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support import web_pages
from tests.support.hash_embeddings import hash_server
from tests.support.hub import serving_hub
from tests.support.proxy import AUTHORITY, proxying
from tests.support.reading_model import ReadingModel
from tests.support.scripted_server import scripted_server
from tests.support.serving import serving
from tests.support.shell import ROOT, bot

PATIENCE = 45
HOURS = b"The library opens at 7:10 on weekdays.\nOn Sundays the library opens at 9:40.\n"
BEGINNING = b"GGUF" + bytes(200_000)
CONFINED = Path(__file__).resolve().parents[1] / "support" / "confined"
PAGES = "pages.example.org"


def port_of(address: str) -> int:
    return int(address.split("/")[2].rpartition(":")[2])


@contextmanager
def confined(folder: Path) -> Iterator[dict[str, str]]:
    """An environment with no way out of this machine; that nobody tried one is looked at."""
    log = folder / "confined.log"
    yield {
        "PYTHONPATH": os.pathsep.join((str(CONFINED), str(ROOT))),
        "SSL_CERT_FILE": str(AUTHORITY),
        "CONFINED_LOG": str(log),
        # Before a proxy is asked for a page, its name is looked at from here.
        "CONFINED_NAMES": PAGES,
    }
    assert not log.exists(), log.read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["http", "socks"])
async def test_everything_outside_is_reached_by_the_proxy_of_its_surface(tmp_path, scheme):
    async with (
        FakeTelegram(limits=UNLIMITED) as telegram,
        FakeDiscord() as discord,
        scripted_server() as model,
        web_pages.serving() as (pages, _asked),
    ):
        ReadingModel(model)
        discord_port = port_of(discord.origin)
        # What Discord says of itself is true in real life too.
        discord.gateway.url = "wss://gateway.discord.gg/gateway"
        discord.origin = "https://cdn.discordapp.com"
        discords = ("discord.com", "gateway.discord.gg", "cdn.discordapp.com")
        with hash_server() as vectors, confined(tmp_path) as environ:
            others = {
                "api.telegram.org": port_of(telegram.api_base_url),
                "llm.example.com": port_of(model.address),
                "embed.example.com": port_of(vectors),
                PAGES: pages.port,
            }
            async with (
                proxying(dict.fromkeys(discords, discord_port), opens_tls=True) as first,
                proxying(others, opens_tls=True, login=("bot", "secret")) as second,
            ):
                environ |= UNHURRIED | {
                    "LOREKEEPER__NETWORK__PROXY": second.address(scheme),
                    "LOREKEEPER__DISCORD__PROXY": first.address(scheme),
                    "LOREKEEPER__DISCORD__TOKEN": discord.token,
                    "LOREKEEPER__TELEGRAM__TOKEN": telegram.token,
                    "LOREKEEPER__ENGINE__KIND": "openai",
                    "LOREKEEPER__ENGINE__BASE_URL": "https://llm.example.com/v1",
                    "LOREKEEPER__ENGINE__PLACE": "own",
                    "LOREKEEPER__EMBEDDING__BASE_URL": "https://embed.example.com/v1",
                    "LOREKEEPER__EMBEDDING__MODEL": "hash",
                    "LOREKEEPER__EMBEDDING__PLACE": "own",
                }
                async with serving(tmp_path, **environ) as running:
                    await _talk_on_discord(discord)
                    await _talk_on_telegram(telegram)
                    assert await running.stop() == 0
                    assert "Traceback" not in running.log
                    assert "secret" not in running.log
                assert set(first.tunnels) == set(discords)
                assert set(second.tunnels) == set(others)
                assert not first.requests
                assert not second.requests
                assert (first.refused, second.refused) == (0, 0)


async def _talk_on_discord(discord: FakeDiscord) -> None:
    await discord.connected(PATIENCE)
    club = discord.server("Readers")
    general, alice = club.channel("general"), club.join(discord.person("Alice"))
    taught = await discord.operator.say(
        general, discord.bot.mention, files=[File("hours.txt", HOURS)]
    )
    await discord.answer(taught, lambda reply: "Added" in reply.content, PATIENCE)
    asked = await alice.say(general, f"{discord.bot.mention} When does the library open?")
    await discord.answer(asked, lambda reply: "7:10" in reply.content, PATIENCE)


async def _talk_on_telegram(telegram: FakeTelegram) -> None:
    ada, ben = telegram.user("Ada"), telegram.user("Ben")
    group = telegram.supergroup("Readers", ada, ben)
    taught = ada.say(group, "@lorekeeper_bot", files=[Attached("hours.txt", HOURS)])
    await telegram.answer_to(taught, lambda reply: "Added" in reply.text, PATIENCE)
    added = ada.say(group, f"/kb@lorekeeper_bot add https://{PAGES}/lighthouse")
    await telegram.answer_to(added, lambda reply: "Added" in reply.text, PATIENCE)
    asked = ben.say(group, "@lorekeeper_bot When does the library open on weekdays?")
    await telegram.answer_to(asked, lambda reply: "7:10" in reply.text, PATIENCE)


async def test_surfaces_of_this_machine_never_ask_a_proxy(tmp_path):
    async with (
        FakeTelegram(limits=UNLIMITED) as telegram,
        FakeDiscord() as discord,
        scripted_server() as model,
        proxying({}) as proxy,
    ):
        ReadingModel(model)
        with hash_server() as vectors, confined(tmp_path) as environ:
            environ |= UNHURRIED | {
                "LOREKEEPER__NETWORK__PROXY": proxy.url,
                "LOREKEEPER__ENGINE__KIND": "openai",
                "LOREKEEPER__ENGINE__BASE_URL": model.address,
                "LOREKEEPER__EMBEDDING__BASE_URL": vectors,
                "LOREKEEPER__EMBEDDING__MODEL": "hash",
            }
            async with serving(tmp_path, discord, telegram, **environ) as running:
                await _talk_on_discord(discord)
                ada = telegram.user("Ada")
                group = telegram.supergroup("Readers", ada)
                taught = ada.say(group, "@lorekeeper_bot", files=[Attached("hours.txt", HOURS)])
                await telegram.answer_to(taught, lambda reply: "Added" in reply.text, PATIENCE)
                assert await running.stop() == 0
        assert not proxy.tunnels
        assert not proxy.requests
        assert proxy.refused == 0


@pytest.mark.parametrize("way", ["network", "models"])
async def test_models_are_fetched_through_the_proxy(tmp_path, way):
    async with serving_hub() as hub:
        hub.add("acme/small", "small-Q4_K_M.gguf", BEGINNING)
        async with proxying({"huggingface.co": port_of(hub.url)}, opens_tls=True) as proxy:
            with confined(tmp_path) as environ:
                environ[f"LOREKEEPER__{way.upper()}__PROXY"] = proxy.url
                done = await _run(tmp_path, "models", "pull", "acme/small", **environ)
            # A model cut short: what it holds is not what is looked at here.
            assert "checksums are right" in done.out, done
            assert set(proxy.tunnels) == {"huggingface.co"}


async def test_a_hub_of_this_machine_is_asked_without_the_proxy(tmp_path):
    async with serving_hub() as hub, proxying({}) as proxy:
        hub.add("acme/small", "small-Q4_K_M.gguf", BEGINNING)
        with confined(tmp_path) as environ:
            environ["LOREKEEPER__NETWORK__PROXY"] = proxy.url
            environ["LOREKEEPER__MODELS__ENDPOINT"] = hub.url
            done = await _run(tmp_path, "models", "pull", "acme/small", **environ)
        assert "checksums are right" in done.out, done
        assert proxy.refused == 0


async def test_check_tries_every_host_through_its_proxy(tmp_path):
    async with FakeTelegram() as telegram, FakeDiscord() as discord, scripted_server() as model:
        discord_port = port_of(discord.origin)
        hosts = {
            "discord.com": discord_port,
            "gateway.discord.gg": discord_port,
            "cdn.discordapp.com": discord_port,
            "api.telegram.org": port_of(telegram.api_base_url),
            "llm.example.com": port_of(model.address),
        }
        async with proxying(hosts, opens_tls=True) as proxy:
            with confined(tmp_path) as environ:
                environ |= {
                    "LOREKEEPER__NETWORK__PROXY": proxy.url,
                    "LOREKEEPER__DISCORD__TOKEN": discord.token,
                    "LOREKEEPER__TELEGRAM__TOKEN": telegram.token,
                    "LOREKEEPER__ENGINE__KIND": "openai",
                    "LOREKEEPER__ENGINE__BASE_URL": "https://llm.example.com/v1",
                }
                done = await _run(tmp_path, "check", "--json", **environ)
                assert done.code == 0, done
                network = [row["text"] for row in done.rows if row["subject"] == "network"]
                assert {text.split()[0] for text in network} == set(hosts)
                assert set(proxy.tunnels) == set(hosts)

                del proxy.hosts["api.telegram.org"]
                done = await _run(tmp_path, "check", "--json", **environ)
                assert done.code == 1, done
                wrong = [row for row in done.rows if row.get("state") == "failure"]
                assert {row["subject"] for row in wrong} == {"network", "telegram"}
                assert all("does not reach it (502)" in row["text"] for row in wrong)
                assert all(row["fix"] for row in wrong)
                assert telegram.token not in done.out + done.err


async def _run(folder, *arguments, **environ):
    return await asyncio.to_thread(lambda: bot(folder, *arguments, **environ))
