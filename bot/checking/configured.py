"""The configuration itself, and the packages that it asks for."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bot.checking.items import Item, Looked
from bot.checking.rows import reading
from bot.errors import ConfigError, Problem
from core.distance import place_of_address
from core.language import Words


async def look(looked: Looked) -> list[Item]:
    """What loading it has left to say."""
    return await asyncio.to_thread(lambda: list(_found(looked)))


def problems(error: ConfigError, _: Words) -> list[Item]:
    """A configuration that cannot be used: every problem, each by its key and line."""
    return [
        Item(
            "failure",
            "configuration",
            _("The configuration cannot be used: {problem}", problem=problem.told(_)),
            _mending(problem, _),
        )
        for problem in error.problems
    ]


def _mending(problem: Problem, _: Words) -> str:
    """The problem's own text says what to write; here stands where."""
    key = problem.key or _("the file")
    if problem.line is None:
        return _("Correct {key}; config.example.toml has every key.", key=key)
    return _(
        "Correct {key} in line {line}; config.example.toml has every key.",
        key=key,
        line=problem.line,
    )


def _found(looked: Looked) -> Iterator[Item]:
    _, config = looked.words, looked.config
    yield Item("ok", "configuration", _("The configuration can be read."))
    for remark in config.remarks:
        variable = remark.facts.get("variable")
        fix = f"{variable}=…" if variable else ""
        yield Item("warning", "configuration", remark(_), fix)
    platforms = config.discord.token is not None or config.telegram.token is not None
    if platforms and not config.owners and config.admission.policy == "owner":
        text = _("Nobody may approve servers and groups: `owners` is empty.")
        yield Item("warning", "configuration", text, 'owners = ["discord:YOUR_ID"]')
    if platforms and not config.operator:
        text = _("/privacy cannot say who runs this bot: `operator` is empty.")
        yield Item("warning", "configuration", text, _('operator = "who, and how to reach them"'))
    if not platforms and not config.web.enabled:
        text = _("No surface can be served: there is no token, and the console is off.")
        yield Item("failure", "configuration", text, "[web] enabled = true")
    yield from _console(looked)


def _console(looked: Looked) -> Iterator[Item]:
    _, web = looked.words, looked.config.web
    if not web.enabled:
        return
    missing = [name for name in ("gradio", "fastapi") if importlib.util.find_spec(name) is None]
    if missing:
        text = _("The web console needs the package {package}.", package=missing[0])
        yield Item("failure", "console", text, 'pip install "lorekeeper[web]"')
        return
    is_open = place_of_address(f"http://{web.host}") != "local"
    if is_open and web.password is None and not _has_accounts(looked.config.data_dir):
        text = _("The console can be reached at {host} without a login.", host=web.host)
        fix = (
            '[web] password_env = "LOREKEEPER_PASSWORD"   # or: python -m bot console add-user NAME'
        )
        yield Item("failure", "console", text, fix)
        return
    yield Item(
        "ok", "console", _("The console is at {host}, port {port}.", host=web.host, port=web.port)
    )


def _has_accounts(data_dir: Path) -> bool:
    with contextlib.suppress(sqlite3.Error), reading(data_dir / "lorekeeper.db") as connection:
        return connection.execute("SELECT 1 FROM console_accounts LIMIT 1").fetchone() is not None
    return False
