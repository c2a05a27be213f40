"""What becomes of questions that were asked already: edited, deleted, moved, answered anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from core.answering import Earlier, RowReceipts
from core.database import Database
from core.events import (
    ChannelKind,
    ChannelMigrated,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    InteractionRef,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    Trigger,
)
from core.feedback import Feedback, move_feedback
from core.history import History, move_exchanges
from core.hooks import Hooks
from core.inbox import DurableInbox, Entry, InboxState, move_inbox
from core.moves import move_channel
from core.packing import digest_of
from core.ports import Gone, Unknown
from core.posting import take_back
from core.replying import Replying
from core.settings import DispatcherSettings
from core.turns import Turns


class Amending:
    """Changes to one message are dealt with in the order in which they came."""

    def __init__(
        self,
        replying: Replying,
        inbox: DurableInbox,
        database: Database,
        settings: DispatcherSettings,
        hooks: Hooks,
        clock: Callable[[], float],
    ) -> None:
        self.lines: Final = Turns()
        self._replying = replying
        self._inbox = inbox
        self._database = database
        self._history = History(database, clock=clock)
        self._feedback = Feedback(database, clock=clock)
        self._settings = settings
        self._hooks = hooks
        self._clock = clock

    def edited(self, event: MessageEdited) -> None:
        """Answer it in its new words, where that is still wanted. Returns at once."""
        message = event.message
        turn = self.lines.line_up((message.conversation, message.message_id))
        self._replying.chore(partial(self._edited, event), "edit", turn)

    def deleted(self, event: MessageDeleted) -> None:
        """Forget it, and take its answer away. Returns at once."""
        turn = self.lines.line_up((event.conversation, event.message_id))
        self._replying.chore(partial(self._deleted, event), "deletion", turn)

    def withdraw(self, conversation: ConversationRef, message_id: str) -> None:
        """See `actions.Answers`."""
        turn = self.lines.line_up((conversation, message_id))
        self._replying.chore(partial(self._withdraw, conversation, message_id), "withdrawal", turn)

    def migrated(self, event: ChannelMigrated) -> None:
        """Let all that is known of a channel go on under its new id. Returns at once."""
        self._replying.chore(partial(self._migrated, event.old, event.new), "migration")

    def again(self, conversation: ConversationRef, message_id: str) -> bool:
        """See `actions.Answers`."""
        if self._replying.runs.kept(conversation, message_id) is not None:
            return False
        turn = self.lines.line_up((conversation, message_id))
        self._replying.chore(partial(self._again, conversation, message_id), "again", turn)
        return True

    async def _edited(self, event: MessageEdited) -> None:
        message = event.message
        if self._hooks.changed is not None:
            await self._hooks.changed(event)
        message = await self._as_taken(message)
        if message.trigger is Trigger.AMBIENT:
            return
        entry = await self._inbox.find(message.conversation, message.message_id)
        if entry is not None and not self._is_worth_an_edit(entry, message):
            return
        run = self._replying.runs.kept(message.conversation, message.message_id)
        if run is None and entry is None:
            return
        if run is not None:
            await run.supersede()
            entry = await self._inbox.find(message.conversation, message.message_id)
        if entry is None:
            self._replying.take(message)
            return
        await self._inbox.receive_again(entry.inbox_id, message)
        self._start_anew(message, Earlier(entry.inbox_id, entry.sent, is_another=True))

    async def _as_taken(self, message: IncomingMessage) -> IncomingMessage:
        """Where and why the question was taken: in a thread of its own, or though nobody asked."""
        speaking = self._hooks.speaking
        if speaking is None:
            return message
        asked = MessageRef(message.conversation, message.message_id)
        home = await speaking.reserve.home(asked)
        if home is not None:
            message = replace(message, conversation=home, reply_to=asked)
        if message.trigger is not Trigger.AMBIENT:
            return message
        kept = await self._inbox.kept(message.conversation, message.message_id)
        trigger = kept.message.trigger if kept is not None else Trigger.AMBIENT
        if trigger is Trigger.UNASKED:
            return speaking.worded(message)
        if kept is not None and kept.message.command is not None:
            # What we made a command of (a file that nobody addressed to us) has no words of its
            # own: nobody asked anything.
            return replace(kept.message, attachments=message.attachments)
        return replace(message, trigger=trigger)

    def _is_worth_an_edit(self, entry: Entry, message: IncomingMessage) -> bool:
        # What was missed is judged by when it was done, where the platform says; and like a
        # question, it may be too old to be dealt with.
        now, window = self._clock(), self._settings.edit_window_minutes
        edited_at = message.edited_at.timestamp() if message.edited_at else now
        oldest = max(window, self._settings.answer_missed_minutes)
        return (
            entry.state is not InboxState.SKIPPED
            and entry.digest != digest_of(message)
            and edited_at - entry.received_at <= window * 60
            and now - edited_at <= oldest * 60
        )

    async def _deleted(self, event: MessageDeleted) -> None:
        if self._hooks.changed is not None:
            await self._hooks.changed(event)
        await self._withdraw(event.conversation, event.message_id)

    async def _withdraw(self, conversation: ConversationRef, message_id: str) -> None:
        run = self._replying.runs.kept(conversation, message_id)
        if run is not None:
            await run.supersede()
        if self._hooks.speaking is not None:
            home = await self._hooks.speaking.reserve.home(MessageRef(conversation, message_id))
            conversation = home or conversation
        # First what is ours to do: the platform may refuse, and a start must not answer it again.
        await self._history.remove(conversation, message_id)
        await self._feedback.remove(conversation, message_id)
        entry = await self._inbox.find(conversation, message_id)
        if entry is None:
            return
        kept = await self._inbox.kept(conversation, message_id)
        await self._inbox.finish(entry.inbox_id)
        channel = conversation.channel
        outbox = self._replying.outboxes[channel.platform]
        # Where nobody says whether the channel is a group, the pacer it has does, or we assume it.
        kind = ChannelKind.GROUP if kept is None else kept.message.kind
        pacer = self._hooks.pacers.of(channel, kind, outbox.capabilities)
        receipts = RowReceipts(self._inbox, entry.inbox_id)
        await take_back(entry.sent, conversation, outbox, pacer, receipts)

    async def _migrated(self, old: ChannelRef, new: ChannelRef) -> None:
        async with self._database.transaction() as connection:
            await move_channel(connection, old, new)
            await move_exchanges(connection, old, new)
            await move_inbox(connection, old, new)
            await move_feedback(connection, old, new)
        if self._hooks.migrated is not None:
            await self._hooks.migrated(old, new)

    async def _again(self, conversation: ConversationRef, message_id: str) -> None:
        if self._replying.runs.kept(conversation, message_id) is not None:
            return
        kept = await self._inbox.kept(conversation, message_id)
        if kept is None:
            return
        message = kept.message
        if kept.had_attachments and self._hooks.refetch is not None:
            match await self._hooks.refetch(message):
                case IncomingMessage(attachments=files, quoted=quoted):
                    # Its files alone: what is answered anew is what was answered.
                    message = replace(message, attachments=files, quoted=quoted)
                case Gone() | Unknown():
                    pass
        await self._inbox.receive_again(kept.inbox_id, message)
        self._start_anew(message, Earlier(kept.inbox_id, kept.sent, is_another=True))

    def _start_anew(self, message: IncomingMessage, earlier: Earlier) -> None:
        if isinstance(message.reply_to, InteractionRef):
            # It was answered: what comes now is told apart from its first answer by nobody.
            message = replace(message, reply_to=None)
        self._replying.start(self._replying.answering(message, earlier))
