"""A message from the body of a request, as the bot sends and edits it."""

from __future__ import annotations

from tests.platforms.discord_server.bodies import Body, attachments_after
from tests.platforms.discord_server.errors import ApiError, invalid_form
from tests.platforms.discord_server.state import (
    DEFAULT,
    EPHEMERAL,
    PREVIEWS_OFF,
    REPLY,
    SILENT,
    Channel,
    Json,
    Message,
    StoredFile,
)
from tests.platforms.discord_server.validation import check_message
from tests.platforms.discord_server.world import World

_SENT_FLAGS = EPHEMERAL | PREVIEWS_OFF | SILENT


def compose(world: World, channel: Channel, body: Body) -> Message:
    """A new message of the bot, checked and with its mentions made out; not yet posted."""
    data = body.fields
    message = Message(
        world.ids.make(),
        channel,
        world.bot,
        content=(data.get("content") or "").strip(),
        embeds=_embeds(data),
        components=_components(data),
        flags=(data.get("flags") or 0) & _SENT_FLAGS,
        files=_owned(attachments_after(data, body.files, []), channel),
        nonce=data.get("nonce"),
    )
    if reference := data.get("message_reference"):
        message.reply_to = _quoted(world, channel, reference)
        message.kind = REPLY if message.reply_to is not None else DEFAULT
    check_message(message.content, message.embeds, message.components, message.files)
    allowed = data.get("allowed_mentions")
    _check_allowed(allowed)
    pings = allowed is None or bool(allowed.get("replied_user"))
    message.mentions = world.mentions_of(message, allowed, reply_pings=pings)
    return message


def apply_edit(world: World, message: Message, body: Body) -> None:
    """Change a message in place; what the body does not name stays."""
    data = body.fields
    content = (data["content"] or "").strip() if "content" in data else message.content
    embeds = _embeds(data) if "embeds" in data else message.embeds
    components = _components(data) if "components" in data else message.components
    files = attachments_after(data, body.files, message.files)
    check_message(content, embeds, components, files)
    if "flags" in data:
        message.flags = (message.flags & ~PREVIEWS_OFF) | ((data["flags"] or 0) & PREVIEWS_OFF)
    message.content, message.embeds, message.components = content, embeds, components
    message.files = _owned(files, message.channel)
    for file in message.files:
        file.is_ephemeral = message.is_ephemeral
    # An edit changes who is named, and never notifies anybody.
    allowed = data.get("allowed_mentions")
    message.mentions = world.mentions_of(message, allowed, reply_pings=False)


def _embeds(data: Json) -> list[Json]:
    return [{"type": "rich", **embed} for embed in data.get("embeds") or []]


def _components(data: Json) -> list[Json]:
    rows = data.get("components") or []
    counter = iter(range(1, 100))
    return [
        {**row, "id": next(counter)}
        | {"components": [{**item, "id": next(counter)} for item in row.get("components") or []]}
        for row in rows
    ]


def _owned(files: list[StoredFile], channel: Channel) -> list[StoredFile]:
    for file in files:
        file.channel_id = channel.id
    return files


def _quoted(world: World, channel: Channel, reference: Json) -> Message | None:
    place = world.channels.get(int(reference.get("channel_id") or channel.id))
    quoted = place.messages.get(int(reference["message_id"])) if place is channel else None
    if quoted is None and reference.get("fail_if_not_exists", True):
        field, code = "message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE"
        raise invalid_form(field, code, "Unknown message")
    return quoted


def _check_allowed(allowed: Json | None) -> None:
    if not allowed:
        return
    kinds = allowed.get("parse") or []
    for name in ("users", "roles"):
        if name in kinds and allowed.get(name):
            message = f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.'
            raise invalid_form(
                "allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message
            )
    if any(kind not in ("users", "roles", "everyone") for kind in kinds):
        raise ApiError(400, 50035, "Invalid Form Body")
