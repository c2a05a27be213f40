"""Rights that we lack, in words: which channel, and what cannot be done there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.inert import inert
from core.language import N_, Words
from core.ports import Lacking, Right

_MOST: Final = 10
_RIGHTS: Final[dict[Right, str]] = {
    Right.READ: N_("see the channel"),
    Right.WRITE: N_("send messages"),
    Right.WRITE_IN_THREADS: N_("send messages in threads"),
    Right.SEND_FILES: N_("attach files"),
    Right.READ_HISTORY: N_("read message history"),
}


def lacking_lines(found: Sequence[Lacking], _: Words) -> list[str]:
    """Nothing where we may do all that we need."""
    if not found:
        return []
    lines = [_("Here I lack permissions, which whoever administers this place can give me:")]
    for one in found[:_MOST]:
        rights = _(", ").join(_(_RIGHTS[right]) for right in one.rights)
        lines.append(f"- {inert(one.name or one.channel.channel_id)}: {rights}")
    if len(found) > _MOST:
        lines.append(_("… and {count} more.", count=len(found) - _MOST))
    return lines
