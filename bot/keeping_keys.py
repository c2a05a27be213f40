"""Keys of programs, from the shell: made, listed, revoked, each time with a row in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot import output
from bot.parts import open_database, open_library
from bot.settings import Config
from bot.wording import own_words
from core.access import SHARED
from core.audit import Act, Audit
from core.channels import Channels
from core.database import Database
from core.envoy import Envoy
from core.events import MemberRef, Platform
from core.keys import Key, Keys, Wanted, id_in
from core.language import Words
from core.noticeboard import Noticeboards
from knowledge_base.library import Library
from knowledge_base.models import BaseId

_SHELL: Final = "shell"
"""Who did it, in the records."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A key as the shell asks for it."""

    bases: tuple[str, ...]
    label: str
    plain: bool
    rate: int | None
    expires_at: datetime | None


async def create(config: Config, asked: Asked, as_json: bool) -> int:
    """Print a new key. Raises `NoSuchBaseError`."""
    _ = own_words(config)
    async with (
        open_library(config, embedding=False) as library,
        Database.open(config.data_dir / "lorekeeper.db") as database,
    ):
        found = [await _base(library, name) for name in asked.bases]
        bases = frozenset(found)
        wanted = Wanted(asked.label, bases, asked.plain, asked.rate, asked.expires_at)
        key, token = await Keys(database).make(wanted)
        await _record(database, key, Act.KEY_MADE)
    if as_json:
        output.emit({"id": key.key_id, "key": token})
        return 0
    output.say(token)
    output.tell(_("Keep this key: it is not shown again. `keys revoke {id}` ends it.",
                  id=key.key_id))  # fmt: skip
    return 0


async def show(config: Config, as_json: bool) -> int:
    """Print every key."""
    _ = own_words(config)
    async with (
        open_library(config, embedding=False) as library,
        Database.open(config.data_dir / "lorekeeper.db") as database,
    ):
        names = {base.base_id: base.name for base in await library.bases()}
        keys = await Keys(database).all()
    for key in keys if as_json else ():
        output.emit(
            {
                "id": key.key_id,
                "name": key.label,
                "bases": sorted(names[base] for base in key.bases if base in names),
                "plain": key.plain,
                "rate": key.rate,
                "made_at": key.made_at.isoformat(),
                "expires_at": key.expires_at.isoformat() if key.expires_at else None,
                "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
            }
        )
    if as_json:
        return 0
    if not keys:
        output.say(_("There are no keys yet. `keys create --base NAME` makes one."))
        return 0
    rows = [
        (
            key.key_id,
            key.label,
            ", ".join(sorted(names[base] for base in key.bases if base in names)),
            _state(key, _),
        )
        for key in keys
    ]
    output.table(rows, (_("id"), _("name"), _("bases"), _("standing")))
    return 0


async def revoke(config: Config, key_id: str, as_json: bool) -> int:
    """From the next request on, the key is void."""
    _, key_id = own_words(config), id_in(key_id)
    async with open_database(config) as database:
        key = await Keys(database).revoke(key_id)
        if key is not None:
            await _record(database, key, Act.KEY_WITHDRAWN)
    if as_json:
        output.emit({"id": key_id, "revoked": key is not None})
    if key is None:
        output.tell(_("No valid key has the id {id}. `keys list` shows them.", id=key_id))
        return 1
    if not as_json:
        output.say(_("The key {id} is void now.", id=key.key_id))
    return 0


async def _base(library: Library, name: str) -> BaseId:
    base = await (library.ensure_base(name) if name == SHARED else library.base(name))
    return base.base_id


async def _record(database: Database, key: Key, act: Act) -> None:
    envoy = Envoy({})
    boards = Noticeboards(Channels(database), {})
    audit = Audit(database, boards, envoy, lambda asked: envoy.words(asked.locale))
    name = f"{key.key_id} {key.label}".strip()
    await audit.decided(MemberRef(Platform.API, key.key_id), name, _SHELL, act)


def _state(key: Key, _: Words) -> str:
    if key.revoked_at is not None:
        return _("revoked")
    if key.expires_at is None:
        return _("valid")
    if key.expires_at <= datetime.now(UTC):
        return _("expired")
    return _("valid until {day}", day=key.expires_at.astimezone().date().isoformat())
