"""Accounts of the console, from the shell: made, listed, changed, each with a row in the log."""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import Final

from bot import output
from bot.parts import open_database
from bot.settings import Config
from bot.wording import own_words
from core.accounts import LEAST_LETTERS, LONGEST_NAME, Accounts, Role, is_name, is_password
from core.audit import Act, Audit
from core.channels import Channels
from core.database import Database
from core.envoy import Envoy
from core.events import MemberRef, Platform
from core.language import Words
from core.noticeboard import Noticeboards

_SHELL: Final = "shell"
"""Who did it, in the records."""


async def add(config: Config, name: str, role: Role, as_json: bool) -> int:
    """Make an account."""
    _ = own_words(config)
    if not is_name(name):
        output.tell(
            _(
                "A name has 1 to {most} printable characters, not {name}.",
                most=LONGEST_NAME,
                name=repr(name)[:90],
            )
        )
        return 2
    password = await asyncio.to_thread(_password, _)
    if password is None:
        return 2
    async with open_database(config) as database:
        made = await Accounts(database).make(name, role, password)
        if made:
            await _record(database, name, Act.ACCOUNT_MADE)
    if as_json:
        output.emit({"name": name, "role": role, "added": made})
    if not made:
        output.tell(_("There is an account {name} already.", name=name))
        return 1
    if not as_json:
        output.say(_("{name} can log in now.", name=name))
    return 0


async def show(config: Config, as_json: bool) -> int:
    """Print every account, also the one that the configuration names."""
    _ = own_words(config)
    async with open_database(config) as database:
        accounts = await Accounts(database).all()
    rows = [(one.name, one.role, one.made_at.astimezone().date().isoformat()) for one in accounts]
    if config.web.password is not None:
        rows.insert(0, (config.web.username, "operator", _("configured")))
    for name, role, made in rows if as_json else ():
        output.emit({"name": name, "role": role, "made": made})
    if as_json:
        return 0
    if not rows:
        output.say(
            _(
                "There are no accounts: the console asks for no login, and answers to this machine "
                "alone. `console add-user NAME --role operator` makes one."
            )
        )
        return 0
    roles = {"operator": _("operator"), "viewer": _("viewer")}
    shown = [(name, roles[role], made) for name, role, made in rows]
    output.table(shown, (_("name"), _("role"), _("made")))
    return 0


async def change(config: Config, name: str, as_json: bool) -> int:
    """Give an account another password."""
    _ = own_words(config)
    async with open_database(config) as database:
        accounts = Accounts(database)
        changed = await accounts.has(name)
        if changed:
            password = await asyncio.to_thread(_password, _)
            if password is None:
                return 2
            changed = await accounts.change_password(name, password)
        if changed:
            await _record(database, name, Act.ACCOUNT_CHANGED)
    if as_json:
        output.emit({"name": name, "changed": changed})
    if not changed:
        return _unknown(name, _)
    if not as_json:
        output.say(_("{name} has a new password.", name=name))
    return 0


async def remove(config: Config, name: str, as_json: bool) -> int:
    """Take an account out."""
    _ = own_words(config)
    async with open_database(config) as database:
        accounts = Accounts(database)
        removed = await accounts.remove(name)
        if removed:
            await _record(database, name, Act.ACCOUNT_REMOVED)
        is_last = not await accounts.exist() and config.web.password is None
    if as_json:
        output.emit({"name": name, "removed": removed})
    if not removed:
        return _unknown(name, _)
    if not as_json:
        output.say(_("{name} cannot log in any more.", name=name))
    if is_last:
        output.tell(
            _(
                "That was the last account: the console asks for no login now, and answers to this "
                "machine alone."
            )
        )
    return 0


def _unknown(name: str, _: Words) -> int:
    output.tell(_("There is no account {name}. `console list` shows them.", name=name))
    return 1


def _password(_: Words) -> str | None:
    """From the keyboard, twice, or the first line of what is piped in; None: told why not."""
    if sys.stdin.isatty():
        password = getpass.getpass(_("Password: "))
        if getpass.getpass(_("Once more: ")) != password:
            output.tell(_("These are two different passwords."))
            return None
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not is_password(password):
        output.tell(_("A password has at least {count} characters.", count=LEAST_LETTERS))
        return None
    return password


async def _record(database: Database, name: str, act: Act) -> None:
    envoy = Envoy({})
    boards = Noticeboards(Channels(database), {})
    audit = Audit(database, boards, envoy, lambda asked: envoy.words(asked.locale))
    await audit.decided(MemberRef(Platform.WEB, name), name, _SHELL, act)
