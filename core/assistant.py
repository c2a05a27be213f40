"""One message to a stream of replies: permission, command or chat, and the one error boundary."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final, Literal

from core import tracing
from core.commands import EVERY, helping
from core.commands.base import CommandContext, Resources, Stop
from core.commands.parsing import command_for, parse
from core.errors import DeliveryError, NotAllowedError, UserError, code_of
from core.events import Asked, ConversationRef, IncomingMessage, Invocation, Trigger
from core.explain import explain
from core.form_prompts import FormPrompts
from core.forms import AskedField
from core.language import N_, Words, answering_words, language_of, words
from core.permissions import Level, Rules, level_of
from core.pictured import shows_only
from core.replies import Failed, Finished, Form, Notice, ReplyEvent, Sources, TextDelta
from core.sightings import Sightings
from core.team_answers import Card
from knowledge_base.errors import (
    KnowledgeError,
    NameTakenError,
    NoSuchBaseError,
    NoSuchDocumentError,
    NotRestingError,
    RejectedDocumentError,
)

_log = logging.getLogger(__name__)

_GREETING: Final = N_("I am a program, not a person. `/privacy` says what I keep of you.")
_ADD: Final = Invocation("kb add")
_EXPECTED: Final = (
    UserError,
    RejectedDocumentError,
    NoSuchBaseError,
    NoSuchDocumentError,
    NameTakenError,
    NotRestingError,
)
"""Whoever asked can do something about it: no warning to whoever runs the bot."""


def _nothing_to_stop(_conversation: ConversationRef, _user_id: str | None) -> int:
    return 0


class Assistant:
    """Answers every message of every surface; no exception leaves it, only cancellation."""

    def __init__(
        self,
        resources: Resources,
        rules: Rules,
        language: Literal["auto", "en", "zh"] = "auto",
        sightings: Sightings | None = None,
        prompts: FormPrompts | None = None,
    ) -> None:
        """With `sightings`, whoever is met for the first time is told what they talk to; with
        `prompts`, forms are filled in by replies where a platform has no dialogs."""
        self._answer = resources.answer
        self._resources = replace(resources, answer=self._asked_of)
        self._rules = rules
        self._language = language
        self._sightings = sightings
        self._prompts = prompts

    async def reply(
        self, message: IncomingMessage, stop: Stop = _nothing_to_stop
    ) -> AsyncGenerator[ReplyEvent, None]:
        """What to say to a message; nothing at all where it is not for us.

        Every reply ends with `Finished` or `Failed`.
        """
        if message.trigger is Trigger.AMBIENT or self.level(message) is Level.BLOCKED:
            return
        failure: Failed | None = None
        try:
            is_unasked = message.trigger is Trigger.UNASKED
            replies = self._volunteer(message) if is_unasked else self._reply(message, stop)
            async with aclosing(replies) as events:
                async for event in events:
                    yield event
        except Exception as error:  # noqa: BLE001 - the boundary: the asker always learns the outcome
            failure = self._told(error, self.words(message))
        if failure is not None:
            yield failure

    def words(self, asked: Asked) -> Words:
        """By the channel's choice; for a question by its own language, so that its answer is all in
        one; else by the platform's locale, the configuration, the message itself."""
        chosen = self._resources.channels.of(asked).language
        if chosen != "auto":
            return words(chosen)
        configured = None if self._language == "auto" else self._language
        locale = asked.locale or configured
        question = _question_of(asked)
        if question:
            return answering_words(language_of(question), locale)
        return words(
            locale or language_of(asked.text if isinstance(asked, IncomingMessage) else "")
        )

    def is_immediate(self, message: IncomingMessage) -> bool:
        """Whether a message must not wait for the reply before it, such as what stops that."""
        if message.trigger is Trigger.UNASKED:
            return False
        try:
            invocation = _invocation(message)
            return invocation is not None and command_for(invocation, EVERY, quoted=True).immediate
        except UserError:
            return False

    async def _reply(
        self, message: IncomingMessage, stop: Stop
    ) -> AsyncGenerator[ReplyEvent, None]:
        _ = self.words(message)
        if await self._is_new(message):
            yield Notice(_(_GREETING))
        asked = await self._prompts.asked(message) if self._prompts is not None else None
        if asked is not None and not _is_command(message):
            async with aclosing(self._fill_in(message, asked, stop)) as events:
                async for event in events:
                    yield event
            return
        card = await self._card(message)
        if card is not None:
            for event in await helping.offer(self._resources, card, message, _):
                yield event
            return
        invocation = _invocation(message)
        pictured = shows_only(message)
        quoted = message.quoted is not None and bool(message.quoted.text.strip())
        if invocation is None and message.attachments and not message.text.strip() and not pictured:
            invocation = _ADD
        if invocation is not None:
            replies = self._run(message, invocation, stop)
        elif message.text.strip() or quoted or pictured:
            replies = self._resources.answer(message)
        else:
            yield TextDelta(_("Ask me anything about the documents here. `/help` says what else."))
            yield Finished("stop")
            return
        async with aclosing(replies) as events:
            async for event in events:
                yield event

    async def _volunteer(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        """The answer to what nobody asked us: never a command, whatever it looks like."""
        refused = True
        async with aclosing(self._answer(message)) as events:
            async for event in events:
                if isinstance(event, Sources):
                    refused = event.refused
                yield event
        # Only what is said is a first contact.
        if not refused and await self._is_new(message):
            yield Notice(self.words(message)(_GREETING))

    async def _asked_of(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        """The answer to a question, where its asker may ask one now."""
        ruled = await self._resources.limiting.question(message, self.words(message))
        if ruled.may:
            async with aclosing(self._answer(message)) as events:
                async for event in events:
                    if ruled.notice and isinstance(event, Finished):
                        yield Notice(ruled.notice)
                    yield event
        else:
            yield Finished("stop")

    async def _run(
        self, message: IncomingMessage, invocation: Invocation, stop: Stop
    ) -> AsyncGenerator[ReplyEvent, None]:
        context = self._context(message, invocation, stop)
        command = context.command
        if (
            command.form is not None
            and self._prompts is not None
            and self._prompts.can_ask(message)
        ):
            form = await command.form(context)
            if form is not None:
                await self._prompts.begin(message, form, context.words)
                yield Finished("stop")
                return
        finished = False
        async with aclosing(command.run(context)) as events:
            async for event in events:
                finished = isinstance(event, Finished)
                yield event
        if not finished:
            yield Finished("stop")

    async def form_of(self, message: IncomingMessage) -> Form | None:
        """The form that a command opens for its asker, who may give the command; None: none.

        What is wrong with the command is told when it runs.
        """
        if message.command is None or self.level(message) is Level.BLOCKED:
            return None
        try:
            context = self._context(message, message.command, _nothing_to_stop)
            form = await context.command.form(context) if context.command.form else None
        except (UserError, KnowledgeError) as error:
            _log.info("no form for a command: %s", code_of(error))
            return None
        if form is None:
            return None
        conversation = message.conversation
        return await self._resources.forms.open(form, conversation, context.member)

    def refuses(self, message: IncomingMessage) -> bool:
        """Whether the asker may not give the command of a message."""
        if message.command is None:
            return False
        try:
            self._context(message, message.command, _nothing_to_stop)
        except NotAllowedError:
            return True
        except UserError:
            return False
        return False

    async def _fill_in(
        self, message: IncomingMessage, asked: AskedField, stop: Stop
    ) -> AsyncGenerator[ReplyEvent, None]:
        """What was replied to a field that we asked for; after the last one, what comes of it."""
        assert self._prompts is not None  # noqa: S101 - who asked
        invocation: Invocation | None = None
        async with aclosing(self._prompts.take(message, asked, self.words(message))) as taken:
            async for one in taken:
                if isinstance(one, Invocation):
                    invocation = one
                else:
                    yield one
        if invocation is None:
            yield Finished("stop")
            return
        async with aclosing(self._run(replace(message, quoted=None), invocation, stop)) as events:
            async for event in events:
                yield event

    def _context(
        self, message: IncomingMessage, invocation: Invocation, stop: Stop
    ) -> CommandContext:
        """Raises `UnknownCommandError`, `BadArgumentsError`, `NotAllowedError`."""
        command = command_for(invocation, EVERY, quoted=message.quoted is not None)
        level = self.level(message)
        if level < command.needs:
            raise NotAllowedError(command.needs.key)
        return CommandContext(
            message,
            command,
            invocation.options,
            level,
            self.words(message),
            self._resources,
            stop,
            self._resources.channels.of(message),
        )

    def level(self, asked: Asked) -> Level:
        """What somebody may do there, by what holds now."""
        return level_of(asked, self._rules, self._resources.channels.of(asked))

    async def _card(self, message: IncomingMessage) -> Card | None:
        """The question to the helpers that a message replies to, unless it is a command."""
        if message.quoted is None or message.command is not None or _is_command(message):
            return None
        answers = self._resources.answers
        return await answers.card_at(message.conversation, message.quoted.message_id)

    async def _is_new(self, message: IncomingMessage) -> bool:
        if self._sightings is None or message.conversation.channel.platform.is_operators:
            return False
        return await self._sightings.greet(message)

    def _told(self, error: Exception, _: Words) -> Failed:
        told = explain(error, _)
        if told is not None:
            expected = isinstance(error, _EXPECTED)
            level = logging.INFO if expected else logging.WARNING
            if not isinstance(error, DeliveryError):
                # What it is about (names, words) is the asker's; it is for whoever wants to see.
                _log.log(level, "a reply ended with %s", code_of(error))
                _log.debug("it was about %r", error)
            return Failed(told, code=code_of(error))
        reference = tracing.reference()
        _log.error("a reply failed, reference %s", reference, exc_info=error)
        return Failed(
            _("Something went wrong on my side (reference {reference}).", reference=reference),
            reference,
        )


def _question_of(asked: Asked) -> str:
    """What is asked of the documents; empty where it is something else that is wanted."""
    if not isinstance(asked, IncomingMessage):
        return ""
    try:
        invocation = _invocation(asked)
    except UserError:
        return ""
    if invocation is None:
        return asked.text.strip()
    return str(invocation.options.get("question", "")) if invocation.name == "ask" else ""


def _invocation(message: IncomingMessage) -> Invocation | None:
    """The command that a message is; what a program passes on is none, whatever it begins with."""
    if message.wishes is not None:
        return None
    return message.command or parse(message.text, EVERY)


def _is_command(message: IncomingMessage) -> bool:
    """Whether a reply to what we asked for is a command rather than what we asked for."""
    try:
        return parse(message.text, EVERY) is not None
    except UserError:
        return False
