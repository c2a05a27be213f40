"""What somebody sees in a channel, as plain text."""

from __future__ import annotations

from tests.platforms.discord_server.permissions import Permission, permissions_in
from tests.platforms.discord_server.state import Channel, Json, Message, User
from tests.platforms.discord_server.world import World


def transcript(world: World, channel: Channel, viewer: User) -> str:
    """All messages that the viewer sees, ephemeral ones among them; nothing where they may not."""
    if not permissions_in(channel, viewer) & Permission.VIEW_CHANNEL:
        return ""
    whispers = [
        each
        for each in world.whispers
        if each.channel is channel and each.shown_to is viewer and not each.deleted
    ]
    shown = sorted([*channel.messages.values(), *whispers], key=lambda each: each.id)
    return "".join(lines_of(message) for message in shown)


def lines_of(message: Message) -> str:
    """One message with what hangs on it, each part on a line of its own."""
    author = message.author.name
    if message.shown_to is not None:
        author += f" (only to {message.shown_to.name})"
    lines = [f"{author}> {'…' if message.is_loading else message.content}"]
    for embed in message.embeds:
        lines += [f"  | {embed[part]}" for part in ("title", "description") if embed.get(part)]
    lines += [f"  [file: {file.filename}]" for file in message.files]
    lines += [
        "  " + " ".join(_shown(item) for item in row["components"]) for row in message.components
    ]
    return "\n".join(lines) + "\n"


def _shown(item: Json) -> str:
    if "options" in item:
        chosen = [option["label"] for option in item["options"] if option.get("default")]
        return "<" + (", ".join(chosen) or item.get("placeholder") or "…") + ">"
    label = item.get("label") or (item.get("emoji") or {}).get("name") or "…"
    return f"({label})" if item.get("disabled") else f"[{label}]"
