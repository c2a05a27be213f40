"""Tells Discord our commands, and only when it has others than these."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any, Final

import discord
from discord.http import Route

from bot.adapters.discord.commands import CatalogueTranslator, Tree

_KEYS: Final = frozenset(
    (
        "autocomplete",
        "channel_types",
        "choices",
        "contexts",
        "default_member_permissions",
        "description",
        "description_localizations",
        "integration_types",
        "max_length",
        "max_value",
        "min_length",
        "min_value",
        "name",
        "name_localizations",
        "nsfw",
        "options",
        "required",
        "type",
        "value",
    )
)
"""What makes a command; identifiers and versions are Discord's own."""

_log = logging.getLogger(__name__)


async def register(client: discord.Client, tree: Tree) -> bool:
    """Bring Discord's commands up to date; whether there was anything to do.

    Discord keeps count of such changes, and every client reloads them: an unchanged table costs
    one question. Raises `discord.HTTPException`.
    """
    translator = CatalogueTranslator()
    await tree.set_translator(translator)
    wanted = [
        await command.get_translated_payload(tree, translator) for command in tree.get_commands()
    ]
    have = await client.http.request(
        Route(
            "GET",
            "/applications/{application_id}/commands",
            application_id=client.application_id,
        ),
        params={"with_localizations": "true"},
    )
    if fingerprint(have) == fingerprint(wanted):
        return False
    await tree.sync()
    _log.info("%d commands registered with Discord", len(wanted))
    return True


def fingerprint(commands: Sequence[object]) -> str:
    """The same for what means the same: in any order, with or without what is not set."""
    plain = sorted(json.dumps(_plain(command), sort_keys=True) for command in commands)
    return hashlib.sha256("\n".join(plain).encode()).hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        kept = {key: _plain_field(key, field) for key, field in value.items() if key in _KEYS}
        return {key: field for key, field in kept.items() if field not in (None, False, "", [], {})}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def _plain_field(key: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    if key == "default_member_permissions":
        return None if value is None else str(value)
    if key in ("contexts", "integration_types"):
        return sorted(value or ())
    if key.endswith("_localizations"):
        return value or None
    return _plain(value)
