"""What happens when somebody presses a button below an answer of ours.

Everything is looked up anew: which answer the message is part of, whose it is, and what the one
who pressed may see now. A button that was copied or made up leads its presser nowhere new.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from core import buttons
from core.database import Database
from core.errors import DeliveryError, UserError, code_of
from core.events import (
    ActionPressed,
    Asked,
    ConversationRef,
    MessageRef,
    Platform,
    Trigger,
)
from core.explain import explain
from core.feedback import Feedback, Verdict
from core.history import History, StoredAnswer
from core.inbox import DurableInbox, Question
from core.language import Words, words
from core.permissions import Level
from core.ports import Outbox
from core.replies import Menu
from core.source_pages import OpenedSource, pages_of
from core.team import OpenQuestion, Team, found_in
from knowledge_base.errors import KnowledgeError
from knowledge_base.models import Scope

if TYPE_CHECKING:
    from knowledge_base.library import Library

_log = logging.getLogger(__name__)

Silence: TypeAlias = Literal["paused", "off"]
Press = Callable[[ActionPressed], Awaitable[None]]
"""Deals with the presses of one kind of button."""


class Answers(Protocol):
    """Who makes answers, and can be asked to make one anew."""

    def again(self, conversation: ConversationRef, message_id: str) -> bool:
        """Answer a past question anew, into the messages of its old answer. Returns at once.

        False where it is being answered, or nothing is any more.
        """
        ...

    def withdraw(self, conversation: ConversationRef, message_id: str) -> None:
        """Take the answer to a question out, and what is remembered of it. Returns at once.

        The question stays where it is, and with it what was taught from it.
        """
        ...


def _words_of(asked: Asked) -> Words:
    return words(asked.locale)


def _never(_asked: Asked) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Judge:
    """What somebody may do and see where they press, told at that moment."""

    scope: Callable[[Asked], Awaitable[Scope]]
    level: Callable[[Asked], Level]
    words: Callable[[ActionPressed], Words] = _words_of
    silence: Callable[[Asked], Silence | None] = _never
    """Why nothing is answered there now; None: it is."""


class Actions:
    """The buttons of answers. What other modules' buttons do is theirs."""

    def __init__(
        self,
        database: Database,
        library: Library,
        outboxes: Mapping[Platform, Outbox],
        judge: Judge,
        further: Mapping[str, Press] | None = None,
        team: Team | None = None,
    ) -> None:
        """`further` maps the beginning of an action, up to its first colon, to whose it is."""
        self._history = History(database)
        self._inbox = DurableInbox(database)
        self._feedback = Feedback(database)
        self._library = library
        self._outboxes = outboxes
        self._judge = judge
        self._team = team
        self._further: Final = {**(further or {})}

    async def pressed(self, event: ActionPressed, answers: Answers) -> None:
        """Do what the button says; whoever may not is told so, and the blocked nothing.

        Only what nobody expected is raised.
        """
        if self._judge.level(event) is Level.BLOCKED:
            return
        try:
            await self._do(event, answers)
        except DeliveryError:
            _log.info("nobody could be told about %r", event.action, exc_info=True)
        except (UserError, KnowledgeError) as error:
            _log.info("a button's press ended with %s", code_of(error))
            told = explain(error, self._judge.words(event))
            if told is not None:
                await self._tell(event, told)

    async def _do(self, event: ActionPressed, answers: Answers) -> None:
        action, _colon, ours = event.action.partition(":")
        ours = ours or event.message_id
        match action:
            case buttons.SOURCES:
                await self._show_sources(event, ours)
            case buttons.UP | buttons.DOWN:
                await self._note_verdict(event, ours, Verdict(action))
            case buttons.MORE:
                await self._offer_more(event, ours)
            case buttons.TEAM if self._team is not None:
                await self._ask_team(event, ours, self._team)
            case buttons.REGENERATE:
                await self._regenerate(event, ours, answers)
            case buttons.DELETE:
                await self._ask_whether_to_delete(event, ours)
            case buttons.DELETE_NOW:
                await self._delete(event, ours, answers)
            case _ if action in self._further:
                await self._further[action](event)
            case _:
                _log.info("no such button: %.40r", event.action)

    async def _show_sources(self, event: ActionPressed, ours: str) -> None:
        answer = await self._answer(event, ours)
        if answer is None:
            return
        _ = self._judge.words(event)
        opened = await self._opened(event, answer)
        if not any(own.passage for own in opened):
            await self._tell(
                event,
                _.plural(
                    "The {count} passage behind this answer is not there any more.",
                    "The {count} passages behind this answer are not there any more.",
                    len(opened),
                )
                if opened
                else _("This answer was given without passages."),
            )
            return
        can = self._outboxes[event.conversation.channel.platform].capabilities
        for page in pages_of(opened, can, _):
            await self._tell(event, page)

    async def _opened(self, event: ActionPressed, answer: StoredAnswer) -> list[OpenedSource]:
        """What the answer was made from, as far as the one who pressed may see it now."""
        scope = await self._judge.scope(event)
        return [
            OpenedSource(source, await self._library.passage(scope, source.chunk))
            for source in answer.sources
        ]

    async def _note_verdict(self, event: ActionPressed, ours: str, verdict: Verdict) -> None:
        answer = await self._answer(event, ours)
        if answer is None:
            return
        _ = self._judge.words(event)
        await self._feedback.give(event.conversation, answer, event.author.user_id, verdict)
        if verdict is Verdict.UP:
            await self._tell(event, _("Noted: 👍. Thank you."))
            return
        told = _("Noted: 👎. Thank you, that helps to find what is missing.")
        if await self._may_ask_team(event, ours):
            told += " " + _("The team may know it: ask them.")
            await self._tell(event, told, (buttons.team_menu(_, ours),))
        else:
            await self._tell(event, told)

    async def _may_ask_team(self, event: ActionPressed, ours: str) -> bool:
        """Whether there is somebody to ask who was not asked yet, and this person may."""
        if self._team is None or self._team.helpers(event) is None:
            return False
        question = await self._inbox.behind(event.conversation, ours)
        if question is None or not question.is_kept or not self._is_theirs(event, question):
            return False
        return not await self._team.was_asked(event.conversation, question.message_id)

    async def _ask_team(self, event: ActionPressed, ours: str, team: Team) -> None:
        question = await self._own_question(event, ours)
        answer = None if question is None else await self._answer(event, ours)
        if question is None or answer is None:
            return
        _ = self._judge.words(event)
        kept = await self._inbox.kept(event.conversation, question.message_id)
        if kept is None:
            await self._tell(event, _("I no longer have this question. Please send it again."))
            return
        message = kept.message
        # A command that was chosen in a menu is no message: our answer names it there.
        is_message = message.trigger is not Trigger.COMMAND
        opened = await self._opened(event, answer)
        told = await team.ask(
            event,
            OpenQuestion(
                question.message_id,
                message.author.display_name,
                answer.question.strip() or (message.quoted.text if message.quoted else ""),
                MessageRef(event.conversation, question.message_id if is_message else ours),
                found_in(
                    (own.passage.document.name, own.source.relevance)
                    for own in opened
                    if own.passage is not None
                ),
                answer.refused,
                message.author.user_id,
            ),
            _,
        )
        await self._tell(event, told)

    async def _offer_more(self, event: ActionPressed, ours: str) -> None:
        if await self._own_question(event, ours) is None:
            return
        _ = self._judge.words(event)
        asks_team = self._team is not None and self._team.helpers(event) is not None
        corrects = self._judge.level(event) >= Level.MODERATOR
        menu = buttons.more_menu(ours, _, asks_team=asks_team, corrects=corrects)
        await self._tell(event, _("This answer:"), (menu,))

    async def _regenerate(self, event: ActionPressed, ours: str, answers: Answers) -> None:
        question = await self._own_question(event, ours)
        if question is None:
            return
        _ = self._judge.words(event)
        if not question.is_kept:
            await self._tell(event, _("I no longer have this question. Please send it again."))
            return
        match self._judge.silence(event):
            case "paused":
                await self._tell(event, _("I am paused here."))
                return
            case "off":
                await self._tell(event, _("I do not speak in this channel."))
                return
            case None:
                pass
        if not answers.again(event.conversation, question.message_id):
            await self._tell(event, _("I am answering this already."))
        elif ours != event.message_id:
            # Pressed below the answer itself, everybody sees what happens.
            await self._tell(event, _("I am answering anew."))

    async def _ask_whether_to_delete(self, event: ActionPressed, ours: str) -> None:
        if await self._own_question(event, ours) is None:
            return
        _ = self._judge.words(event)
        text = _("Delete this answer, and what I remember of the question?")
        await self._tell(event, text, (buttons.delete_menu(ours, _),))

    async def _delete(self, event: ActionPressed, ours: str, answers: Answers) -> None:
        question = await self._own_question(event, ours)
        if question is None:
            return
        _ = self._judge.words(event)
        answers.withdraw(event.conversation, question.message_id)
        await self._tell(event, _("Deleted."))

    async def _answer(self, event: ActionPressed, ours: str) -> StoredAnswer | None:
        """The answer that our message there is part of; None: who pressed is told."""
        answer = await self._history.answer_behind(event.conversation, ours)
        if answer is None:
            await self._tell_gone(event)
        return answer

    async def _own_question(self, event: ActionPressed, ours: str) -> Question | None:
        """The question behind our message, for its asker and moderators; others are told."""
        question = await self._inbox.behind(event.conversation, ours)
        if question is None:
            await self._tell_gone(event)
            return None
        if self._is_theirs(event, question):
            return question
        _ = self._judge.words(event)
        await self._tell(event, _("Only who asked and moderators can do that."))
        return None

    def _is_theirs(self, event: ActionPressed, question: Question) -> bool:
        is_asker = question.author_id == event.author.user_id
        return is_asker or self._judge.level(event) >= Level.MODERATOR

    async def _tell_gone(self, event: ActionPressed) -> None:
        _ = self._judge.words(event)
        await self._tell(event, _("This answer is not here any more."))

    async def _tell(self, event: ActionPressed, text: str, menus: Sequence[Menu] = ()) -> None:
        if event.interaction is None:
            return  # Nobody to tell alone, and nobody else is to know.
        outbox = self._outboxes[event.conversation.channel.platform]
        shown = menus if outbox.capabilities.can_buttons else ()
        await outbox.reveal(event.interaction, text, menus=shown)
