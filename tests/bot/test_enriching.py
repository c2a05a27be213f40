"""`kb enrich` as a person starts it, and `kb tune` that says what it was good for."""

from __future__ import annotations

import asyncio
import json
import re

from tests.support.scripted_server import Asked, Scripted, answer, scripted_server
from tests.support.shell import Done, bot

CONFIG = """
[web]
enabled = false
[knowledge]
folders = {{}}
[engine]
kind = "openai"
model = "scribe"
base_url = "{address}"
"""
THINGS = {
    "Wexcombe": "the keeper of the eastern lighthouse",
    "Tarrish": "the bakery on the harbour",
    "Ollivant": "the repairs of bicycles",
    "Quennell": "the choir of the old church",
    "Bramhall": "the greenhouse behind the school",
    "Dunstead": "the ferry across the sound",
    "Farrow": "the wool market in autumn",
    "Merrick": "the archive of maps",
}
ASKED = "Who is responsible for {thing}?"


def scribe(asked: Asked) -> Scripted:
    """Writes for each passage the one question that it answers in words of its own."""
    prompt = json.dumps(asked.body["messages"])
    name = next(name for name in THINGS if re.search(rf"\b{name}\b", prompt))
    return answer(f"About one person.\nWho is responsible for {THINGS[name]}?\n谁负责这件事？")


async def shell(folder, *arguments: str) -> Done:
    return await asyncio.to_thread(bot, folder, *arguments)


async def test_what_was_written_is_kept_tried_and_taken_out(tmp_path):
    async with scripted_server() as server:
        server.script("/v1/chat/completions", scribe)
        (tmp_path / "config.toml").write_text(CONFIG.format(address=server.address))
        rows = []
        for name, thing in THINGS.items():
            (tmp_path / f"{name}.txt").write_text(f"Since the spring {name} has had the post.")
            asked = ASKED.format(thing=thing)
            rows.append({"question": asked, "document": f"{name}.txt"})
        (tmp_path / "golden.jsonl").write_text("\n".join(map(json.dumps, rows)))
        files = [f"{name}.txt" for name in THINGS]
        assert (await shell(tmp_path, "kb", "add", *files, "--base", "town")).code == 0
        some = await shell(tmp_path, "kb", "enrich", "--base", "town", "--passages", "3", "--json")
        assert some.row == {"passages": 3, "total": 8, "texts": 9}
        rest = await shell(tmp_path, "kb", "enrich", "--base", "town")
        assert "8 of 8 passages" in rest.out
        tuned = await shell(tmp_path, "kb", "tune", "golden.jsonl", "--base", "town", "--json")
        switch = tuned.row["switches"]["enrichment"]
        assert (switch["on"], switch["helps"]) == (False, True)
        assert switch["ranking"][1] > 0
        assert not tuned.row["switches"]["reword"]["helps"]
        told = await shell(tmp_path, "kb", "tune", "golden.jsonl", "--base", "town")
        assert "[retrieval]\nenrichment = true" in told.out
        gone = await shell(tmp_path, "kb", "enrich", "--base", "town", "--forget", "--json")
        assert gone.row == {"forgotten": 8}
        again = await shell(tmp_path, "kb", "tune", "golden.jsonl", "--base", "town", "--json")
        assert "enrichment" not in again.row["switches"]


async def test_an_engine_that_only_quotes_writes_nothing(tmp_path):
    (tmp_path / "config.toml").write_text(
        "[web]\nenabled = false\n[knowledge]\nfolders = {}\n[engine]\nkind = 'extractive'\n"
    )
    (tmp_path / "pool.txt").write_text("The pool opens on Mondays at nine.")
    assert (await shell(tmp_path, "kb", "add", "pool.txt", "--base", "town")).code == 0
    done = await shell(tmp_path, "kb", "enrich", "--base", "town")
    assert (done.code, "does not write for itself" in done.err) == (1, True)
