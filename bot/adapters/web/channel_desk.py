"""Channels for the operator's page: what holds there, chosen by the rules of the chats."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.adapters.web.visitors import Asker
from core.access import open_base_of, restricted_base_of
from core.admission import Admission
from core.admission_rows import Applicant, Verdict, subject_of
from core.channel_settings import DEFAULT, SETTINGS, Setting, setting_named, written
from core.commands import COMMANDS
from core.commands.base import CommandContext, Resources
from core.commands.choosing import CHANNELS, SERVER, choose, neighbours, view_of
from core.errors import UserError
from core.events import (
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Place,
    Platform,
    Trigger,
)
from core.language import Words, words
from core.permissions import Level
from core.sightings import SeenChannel

_PLATFORMS: Final = (Platform.DISCORD, Platform.TELEGRAM)
_COMMAND: Final = next(own for own in COMMANDS if own.name == "settings")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One setting as a form shows it."""

    setting: Setting
    value: str
    """`DEFAULT` where nothing was chosen for this very channel or server."""
    choices: tuple[tuple[str, str], ...]
    """Label and value; none for what is written in words of one's own."""


def key_of(channel: ChannelRef) -> str:
    """As pages and addresses name a channel."""
    return f"{channel.platform.value}:{channel.channel_id}"


class ChannelDesk:
    """Looks up and changes; raises what the commands raise."""

    def __init__(self, resources: Resources, admission: Admission) -> None:
        self._resources = resources
        self._admission = admission

    async def channels(self) -> tuple[SeenChannel, ...]:
        """Every channel and group where somebody ever addressed us."""
        seen = self._resources.sightings
        return tuple([one for platform in _PLATFORMS for one in await seen.channels_on(platform)])

    async def channel(self, key: str) -> SeenChannel | None:
        """The one that a page names."""
        return next((seen for seen in await self.channels() if key_of(seen.channel) == key), None)

    async def settings(self, asker: Asker, seen: SeenChannel, where: str) -> tuple[Chosen, ...]:
        """What holds there. `where`: the channel, or its whole server."""
        context = self._context(asker, seen, where)
        view = view_of(context)
        beside = await neighbours(context)
        found = []
        for setting in SETTINGS:
            value = DEFAULT
            if setting.key in view.chosen:
                value = written(view.held, setting.key) or DEFAULT
            choices = self._choices(context, setting, beside, view.is_server)
            found.append(Chosen(setting, value, choices))
        return tuple(found)

    async def change(
        self, asker: Asker, seen: SeenChannel, where: str, wanted: Mapping[str, str]
    ) -> AsyncGenerator[str | UserError, None]:
        """Choose what differs from what was chosen; what holds then in a sentence, or why not."""
        held = {one.setting.key: one.value for one in await self.settings(asker, seen, where)}
        for key, value in wanted.items():
            typed = value.strip() or DEFAULT
            if typed == held[key]:
                continue
            try:
                context = self._context(asker, seen, where)
                yield await choose(context, setting_named(key), typed)
            except UserError as error:
                yield error

    async def bases_of(self, seen: SeenChannel) -> tuple[str, ...]:
        """What the channel itself was taught, for trying out how it would answer; nothing: what
        the console answers from where no base is picked."""
        names = {base.name for base in await self._resources.library.bases()}
        own = (open_base_of(seen.channel), restricted_base_of(seen.channel))
        return tuple(name for name in own if name in names)

    async def applicants(self) -> tuple[tuple[Applicant, Verdict], ...]:
        """Who asked to be served, with how they stand; those who wait first."""
        return tuple(
            (one, self._admission.standing(one)) for one in await self._admission.applicants()
        )

    async def decide(self, asker: Asker, name: str, *, approve: bool) -> bool:
        """Serve somebody from now on, or no longer; False for what is no name of theirs."""
        subject = subject_of(name)
        known = {one.subject for one, _standing in await self.applicants()}
        if subject is None or subject not in known:
            return False
        decide = self._admission.approve if approve else self._admission.refuse
        await decide(subject, asker.visitor.name)
        return True

    def _context(self, asker: Asker, seen: SeenChannel, where: str) -> CommandContext:
        visitor = asker.visitor
        message = IncomingMessage(
            ConversationRef(seen.channel),
            ChannelKind.GROUP,
            Trigger.COMMAND,
            uuid.uuid4().hex,
            Author(visitor.author_id, visitor.name, is_channel_admin=True, is_server_admin=True),
            "/settings",
            datetime.now(UTC),
            locale=asker.locale,
            server_id=None if seen.server is None else seen.server.server_id,
            place=Place(seen.name, seen.server_name, seen.is_restricted, seen.parent),
        )
        resources = self._resources
        return CommandContext(
            message,
            _COMMAND,
            {"where": SERVER} if where == SERVER and seen.server is not None else {},
            Level.OWNER,
            words(asker.locale),
            resources,
            lambda _conversation, _user_id: 0,
            resources.channels.of(message),
        )

    def _choices(
        self,
        context: CommandContext,
        setting: Setting,
        beside: Sequence[SeenChannel],
        is_server: bool,
    ) -> tuple[tuple[str, str], ...]:
        _ = context.words
        if setting.key == "persona":
            return ()
        unset = _unset(setting, _, above=not is_server and context.message.server_id is not None)
        if setting.key in CHANNELS:
            listed = [(seen.name or seen.channel.channel_id, seen.channel.channel_id)
                      for seen in beside]  # fmt: skip
        elif setting.key == "engine":
            held = context.settings
            listed = [(n, n) for n in context.resources.engines.names_within(held.place)]
        else:
            listed = [(_(choice.label), choice.value) for choice in setting.choices]
        return ((unset, DEFAULT), *listed)


def _unset(setting: Setting, _: Words, *, above: bool) -> str:
    if above:
        return _("as in the server")
    return _("none") if setting.key in CHANNELS else _("as configured")
