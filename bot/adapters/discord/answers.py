"""Messages that go through an interaction's own address: answers to commands, private ones too.

They need no rights in the channel and no share of its budget, but only live as long as it does.
"""

from __future__ import annotations

from typing import Final

import discord
from discord.http import MultipartParameters
from discord.http import Route as Endpoint

from bot.adapters.discord.content import Content
from bot.adapters.discord.interactions import Held, Interactions, Route

ORIGINAL: Final = "@original"
"""The message that Discord made when the interaction was acknowledged, or the one pressed."""


class Answers:
    """Sends and changes messages by interactions. Raises the SDK's exceptions."""

    def __init__(self, client: discord.Client, interactions: Interactions) -> None:
        self._client = client
        self._interactions = interactions

    async def send(self, held: Held, content: Content, *, private: bool) -> str:
        """Answer; the first answer to a command takes the place of "thinking"."""
        if held.awaited and private and not held.private:
            # That place is one which everybody sees.
            await self.end_waiting(held)
        if held.awaited:
            # Before the request: a second answer on its way must not take the same place.
            held.awaited = False
            try:
                message_id = await self._change(held, content, ORIGINAL)
            except BaseException:
                held.awaited = True
                raise
        else:
            message_id = await self._add(held, content, private=private)
        self._interactions.remember(message_id, Route(held, message_id))
        return message_id

    async def edit(self, route: Route, content: Content) -> None:
        """Change one of its messages."""
        await self._change(route.held, content, route.message)

    async def delete(self, route: Route) -> None:
        """Take one of its messages away."""
        await self._client.http.request(_endpoint("DELETE", route.held, route.message))

    async def end_waiting(self, held: Held) -> None:
        """Take "thinking" away, unless an answer has its place already."""
        if held.awaited:
            held.awaited = False
            await self._client.http.request(_endpoint("DELETE", held, ORIGINAL))

    # Not by the SDK's own methods: those cannot turn previews off when they edit.

    async def _add(self, held: Held, content: Content, *, private: bool) -> str:
        with content.parameters(ephemeral=private) as parameters:
            return await self._request(_endpoint("POST", held), parameters)

    async def _change(self, held: Held, content: Content, message: str) -> str:
        with content.parameters() as parameters:
            return await self._request(_endpoint("PATCH", held, message), parameters)

    async def _request(self, endpoint: Endpoint, sent: MultipartParameters) -> str:
        http, params = self._client.http, {"wait": "true"}
        if sent.files:
            made = await http.request(
                endpoint, form=sent.multipart, files=sent.files, params=params
            )
        else:
            made = await http.request(endpoint, json=sent.payload, params=params)
        return str(made["id"])


def _endpoint(method: str, held: Held, message: str | None = None) -> Endpoint:
    path = "/webhooks/{webhook_id}/{webhook_token}"
    return Endpoint(
        method,
        path if message is None else path + "/messages/{message_id}",
        webhook_id=held.application_id,
        webhook_token=held.token,
        message_id=message,
    )
