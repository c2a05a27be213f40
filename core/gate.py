"""What is dealt with at all: before anything of it is read or stored."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from core.admission import Admission
from core.channel_settings import ChannelSettings
from core.channels import Channels
from core.envoy import Envoy
from core.events import Asked, IncomingMessage, InteractionRef, Invocation, Trigger
from core.language import Words
from core.permissions import Level, Rules, level_of
from core.sightings import Sightings


class Gate:
    """Lists, admission, pauses and the channel's choice, in this order."""

    def __init__(
        self,
        admission: Admission,
        channels: Channels,
        sightings: Sightings,
        rules: Rules,
        envoy: Envoy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._admission = admission
        self._channels = channels
        self._sightings = sightings
        self._rules = rules
        self._envoy = envoy
        self._clock = clock

    async def admits(self, asked: Asked) -> bool:
        """Whether to go on with a message or a press. What is admitted counts as seen."""
        settings = self._channels.of(asked)
        level = level_of(asked, self._rules, settings)
        if level is Level.BLOCKED:
            if isinstance(asked, IncomingMessage) and isinstance(asked.reply_to, InteractionRef):
                # A platform that shows a command's waiting shows it to all, until it is answered.
                _ = self._envoy.words(asked.locale)
                await self._envoy.reveal(asked.reply_to, _("I do not answer you here."))
            return False
        if isinstance(asked, IncomingMessage) and asked.trigger is Trigger.UNASKED:
            # Nobody turned to us: nobody is told why not, and that they were seen is not noted.
            return self._speaks(asked, settings, level) and await self._admission.serves(asked)
        if not await self._admission.admits(asked):
            return False
        if isinstance(asked, IncomingMessage) and not self._speaks(asked, settings, level):
            await self._say_why(asked, settings)
            return False
        await self._sightings.saw(asked)
        return True

    def taught(self, message: IncomingMessage) -> IncomingMessage | None:
        """A message with files that nobody addressed to us, as an upload, where the channel learns
        every file and its author may teach; None: it is none of our business."""
        settings = self._channels.of(message)
        if not settings.auto_ingest or not message.attachments:
            return None
        if level_of(message, self._rules, settings) < Level.UPLOADER:
            return None
        return replace(message, trigger=Trigger.COMMAND, text="", command=Invocation("kb add"))

    def silence(self, asked: Asked) -> Literal["paused", "off"] | None:
        """Why nothing is answered there now; None: it is."""
        settings = self._channels.of(asked)
        if settings.is_paused(self._clock()):
            return "paused"
        return "off" if settings.speaks == "off" else None

    def _speaks(self, message: IncomingMessage, settings: ChannelSettings, level: Level) -> bool:
        if not settings.is_paused(self._clock()) and settings.speaks != "off":
            return True
        # Somebody must be able to end it.
        is_command = message.command is not None or message.text.lstrip().startswith("/")
        return level >= Level.MODERATOR and is_command

    async def _say_why(self, message: IncomingMessage, settings: ChannelSettings) -> None:
        """A command on a platform that shows its waiting is answered, to its author alone."""
        if isinstance(message.reply_to, InteractionRef):
            _: Words = self._envoy.words(message.locale)
            paused = settings.is_paused(self._clock())
            told = _("I am paused here.") if paused else _("I do not speak in this channel.")
            await self._envoy.reveal(message.reply_to, told)
