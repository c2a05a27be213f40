"""What a message of ours holds, as the SDK sends it."""

from __future__ import annotations

import io
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import discord
from discord.http import MultipartParameters, handle_message_parameters

from bot.adapters.discord.components import view_of
from core.replies import Menu

NOBODY: Final = discord.AllowedMentions.none()
"""Nothing that we write pings anybody, but for the one role that core names."""


@dataclass(frozen=True, slots=True)
class Content:
    """Text with its menus, or a file."""

    text: str | None = None
    menus: Sequence[Menu] = ()
    filename: str | None = None
    data: bytes = b""
    role_id: int | None = None
    """The role that is mentioned before the text, and pinged."""

    @contextmanager
    def parameters(
        self,
        *,
        ephemeral: bool = False,
        nonce: str | None = None,
        reference: discord.MessageReference | None = None,
    ) -> Generator[MultipartParameters, None, None]:
        """The body of one request: no previews, these menus and no others, and no pings of the
        text's own."""
        missing = discord.utils.MISSING
        # A new file object for every request, since sending reads it up.
        file = discord.File(io.BytesIO(self.data), self.filename) if self.filename else missing
        with handle_message_parameters(
            content=self._written() if self.text is not None else missing,
            view=view_of(self.menus),
            file=file,
            flags=discord.MessageFlags(suppress_embeds=True, ephemeral=ephemeral),
            allowed_mentions=self._pinged(),
            nonce=nonce,
            message_reference=reference.to_message_reference_dict() if reference else missing,
        ) as parameters:
            yield parameters

    def _written(self) -> str | None:
        return self.text if self.role_id is None else f"<@&{self.role_id}> {self.text}"

    def _pinged(self) -> discord.AllowedMentions:
        if self.role_id is None:
            return NOBODY
        role = discord.Object(self.role_id)
        return discord.AllowedMentions(
            everyone=False, users=False, roles=[role], replied_user=False
        )
