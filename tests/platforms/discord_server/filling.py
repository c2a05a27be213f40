"""Options of a slash command as a person fills them in."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.platforms.discord_server.command_rules import (
    ATTACHMENT,
    BOOLEAN,
    CHANNEL,
    INTEGER,
    MENTIONABLE,
    NUMBER,
    ROLE,
    STRING,
    USER,
)
from tests.platforms.discord_server.permissions import permissions_in
from tests.platforms.discord_server.state import Channel, Json, Role, StoredFile, User
from tests.platforms.discord_server.wire import (
    channel_json,
    file_json,
    member_json,
    role_json,
    user_json,
)
from tests.platforms.discord_server.world import World


class NotPossibleError(AssertionError):
    """The client would not let this person do that: the test asks for something wrong."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that somebody attaches."""

    name: str
    data: bytes
    content_type: str | None = None
    declared_size: int | None = None
    """A size to tell other than the true one."""


@dataclass(slots=True)
class Filled:
    """Options with their values, and what identifiers among them stand for."""

    options: list[Json] = field(default_factory=list)
    resolved: Json = field(default_factory=dict)


def stored(world: World, file: File, channel: Channel, *, ephemeral: bool = False) -> StoredFile:
    """Upload a file."""
    guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    made = StoredFile(
        world.ids.make(),
        file.name,
        file.data,
        file.content_type or guessed,
        channel_id=channel.id,
        declared_size=file.declared_size,
        is_ephemeral=ephemeral,
    )
    world.files[made.id] = made
    return made


def fill_in(
    world: World,
    channel: Channel,
    offered: list[Json],
    values: Mapping[str, object],
    *,
    partial: bool = False,
) -> Filled:
    """Fill in options; `partial`: required ones may be missing, as while one is being typed."""
    filled = Filled()
    if strange := set(values) - {each["name"] for each in offered}:
        raise NotPossibleError(f"no option {sorted(strange)}")
    for option in offered:
        name = option["name"]
        if name not in values or values[name] is None:
            if option.get("required") and not partial:
                raise NotPossibleError(f"{name!r} is required")
            continue
        value = _value(world, channel, option, values[name], filled.resolved)
        filled.options.append({"name": name, "type": option["type"], "value": value})
    return filled


def _value(world: World, channel: Channel, option: Json, value: object, resolved: Json) -> object:
    kind, name = option["type"], option["name"]
    right = {STRING: str, INTEGER: int, BOOLEAN: bool, NUMBER: (int, float)}
    if kind in right:
        if not isinstance(value, right[kind]) or (kind != BOOLEAN and isinstance(value, bool)):
            raise NotPossibleError(f"{name!r} does not take {value!r}")
        return _plain(option, value)
    if kind == ATTACHMENT and isinstance(value, File):
        file = stored(world, value, channel, ephemeral=True)
        resolved.setdefault("attachments", {})[str(file.id)] = file_json(file, world.link)
        return str(file.id)
    user = getattr(value, "user", value)
    if kind in (USER, MENTIONABLE) and isinstance(user, User):
        resolved.setdefault("users", {})[str(user.id)] = user_json(user)
        if channel.guild is not None and (member := channel.guild.members.get(user.id)):
            told = member_json(member, with_user=False) | {"permissions": "0"}
            resolved.setdefault("members", {})[str(user.id)] = told
        return str(user.id)
    if kind in (ROLE, MENTIONABLE) and isinstance(value, Role):
        resolved.setdefault("roles", {})[str(value.id)] = role_json(value)
        return str(value.id)
    if kind == CHANNEL and isinstance(value, Channel):
        told = channel_json(value, world.bot)
        told["permissions"] = str(int(permissions_in(channel, world.bot)))
        resolved.setdefault("channels", {})[str(value.id)] = told
        return str(value.id)
    raise NotPossibleError(f"{name!r} does not take {value!r}")


def _plain(option: Json, value: object) -> object:
    name = option["name"]
    if choices := option.get("choices"):
        for choice in choices:
            names = (
                choice["value"],
                choice["name"],
                *(choice.get("name_localizations") or {}).values(),
            )
            if value in names:
                return choice["value"]
        raise NotPossibleError(f"{name!r} does not offer {value!r}")
    if isinstance(value, str):
        least, most = option.get("min_length") or 0, option.get("max_length") or 6000
        if not least <= len(value) <= most:
            raise NotPossibleError(f"{name!r} takes {least} to {most} characters")
    elif isinstance(value, int | float):
        least, most = option.get("min_value"), option.get("max_value")
        if (least is not None and value < least) or (most is not None and value > most):
            raise NotPossibleError(f"{name!r} takes {least} to {most}")
    return value
