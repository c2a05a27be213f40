"""A platform that takes messages, shows them, and remembers them, also across processes."""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import ChannelGoneError
from core.events import (
    Author,
    ChannelRef,
    ConversationRef,
    InteractionRef,
    MessageRef,
    Platform,
    ReplyTo,
)
from core.ports import Capabilities, Lacking, Standing
from core.replies import Menu

QUICK = Capabilities(max_text=2000, edit_interval_private=0, edit_interval_group=0)


@dataclass(slots=True)
class Shown:
    """One message as a reader sees it now."""

    message_id: str
    channel: str
    text: str
    answers: str | None
    is_file: bool = False
    menus: tuple[Menu, ...] = ()
    thread: str | None = None
    mention: str | None = None

    @property
    def actions(self) -> list[str]:
        """What can be pressed below it, as it would come back."""
        return [button.action for menu in self.menus for button in menu.buttons]


@dataclass(frozen=True, slots=True)
class Revealed:
    """Something that only the one who pressed sees."""

    to: InteractionRef
    text: str
    menus: tuple[Menu, ...] = ()

    @property
    def actions(self) -> list[str]:
        """What can be pressed below it, as it would come back."""
        return [button.action for menu in self.menus for button in menu.buttons]


class RecordingOutbox:
    """An `Outbox` that behaves: it has limits, fails when told to, and keeps a transcript.

    With a journal, what it has taken is on disk before it answers, and a new one goes on from
    there; `latency` passes between taking and answering, as on a network.
    """

    def __init__(
        self,
        capabilities: Capabilities = QUICK,
        *,
        journal: Path | None = None,
        latency: float = 0.0,
    ) -> None:
        self.capabilities = capabilities
        self.has_threads = True
        self.latency = latency
        self.calls: list[str] = []
        self.times: list[float] = []
        self.messages: dict[str, Shown] = {}
        self.revealed: list[Revealed] = []
        self.dismissed: list[InteractionRef] = []
        self.drafts: list[str] = []
        self.left: list[str] = []
        self.files: dict[str, bytes] = {}
        self.refusals: defaultdict[str, deque[Exception]] = defaultdict(deque)
        self._keys: dict[str, str] = {}
        self._count = 0
        self._journal: int | None = None
        self._changed = asyncio.Event()
        if journal is not None:
            if journal.exists():
                for line in journal.read_text(encoding="utf-8").splitlines():
                    self._apply(json.loads(line))
            self._journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @property
    def transcript(self) -> str:
        """What a reader sees: a line for each message that is there."""
        return "".join(
            f"bot> {f'<{shown.text}>' if shown.is_file else shown.text}\n"
            for shown in self.messages.values()
        )

    def refuse(self, call: str, *errors: Exception) -> None:
        """Raise these, one each, at the next calls of that name."""
        self.refusals[call].extend(errors)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until what is shown fulfils it."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def close(self) -> None:
        if self._journal is not None:
            os.close(self._journal)

    async def send(
        self,
        to: ConversationRef,
        text: str,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
        menus: Sequence[Menu] = (),
        mention: str | None = None,
    ) -> str:
        self._record("send", f"send {text!r}")
        self._check(text, menus)
        message_id = await self._take(to, text, reply_to, key, is_file=False)
        shown = self.messages[message_id]
        shown.menus, shown.thread, shown.mention = tuple(menus), to.thread_id, mention
        self._changed.set()
        return message_id

    async def ask(
        self, to: ConversationRef, text: str, *, of: Author, reply_to: ReplyTo | None = None
    ) -> str:
        return await self.send(to, f"@{of.display_name} {text}", reply_to=reply_to)

    def link(self, message: MessageRef) -> str | None:
        where = message.conversation
        place = where.thread_id or where.channel.channel_id
        return f"https://chat.example/{place}/{message.message_id}"

    def message_at(self, channel: ChannelRef, link: str) -> MessageRef | None:
        place, _, message_id = link.removeprefix("https://chat.example/").partition("/")
        thread_id = None if place == channel.channel_id else place
        return MessageRef(ConversationRef(channel, thread_id), message_id) if message_id else None

    async def edit(
        self, to: ConversationRef, message_id: str, text: str, *, menus: Sequence[Menu] = ()
    ) -> None:
        self._record("edit", f"edit {message_id} {text!r}")
        self._check(text, menus)
        if message_id not in self.messages:
            raise ChannelGoneError(to)
        self._commit({"edit": message_id, "text": text})
        self.messages[message_id].menus = tuple(menus)
        self._changed.set()
        await asyncio.sleep(self.latency)

    async def delete(self, to: ConversationRef, message_id: str) -> None:
        self._record("delete", f"delete {message_id}")
        if message_id not in self.messages:
            raise ChannelGoneError(to)
        self._commit({"delete": message_id})
        self._changed.set()
        await asyncio.sleep(self.latency)

    async def send_file(
        self,
        to: ConversationRef,
        filename: str,
        data: bytes,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
    ) -> str:
        self._record("send_file", f"send_file {filename}")
        message_id = await self._take(to, filename, reply_to, key, is_file=True)
        self.files[message_id] = data
        return message_id

    async def typing(self, to: ConversationRef) -> None:
        self._record("typing", "typing")

    async def draft(self, to: ConversationRef, answers: str, text: str) -> bool:
        self._record("draft", f"draft {text!r}")
        self._check(text, ())
        if self.capabilities.can_draft:
            self.drafts.append(text)
        return self.capabilities.can_draft

    async def reveal(self, to: InteractionRef, text: str, *, menus: Sequence[Menu] = ()) -> None:
        self._record("reveal", f"reveal {text!r}")
        self._check(text, menus)
        self.revealed.append(Revealed(to, text, tuple(menus)))

    async def dismiss(self, to: InteractionRef) -> None:
        self._record("dismiss", "dismiss")
        self.dismissed.append(to)

    async def direct(self, user_id: str) -> ConversationRef:
        self._record("direct", f"direct {user_id}")
        return ConversationRef(ChannelRef(Platform.DISCORD, f"dm-{user_id}"))

    async def open_thread(self, question: MessageRef, title: str) -> ConversationRef | None:
        """A thread has the id of the message that it was opened under."""
        self._record("open_thread", f"open_thread {question.message_id} {title!r}")
        if not self.has_threads:
            return None
        return ConversationRef(question.conversation.channel, question.message_id)

    async def leave(self, server_id: str) -> None:
        self._record("leave", f"leave {server_id}")
        self.left.append(server_id)

    async def is_member(self, user_id: str, channel: ChannelRef) -> bool | None:
        return None

    async def standing(self, user_id: str, channel: ChannelRef) -> Standing | None:
        return None

    async def is_within(self, channel: ChannelRef, other: ChannelRef) -> bool | None:
        return None

    async def lacking(self, channel: ChannelRef) -> Sequence[Lacking]:
        return ()

    async def _take(
        self,
        to: ConversationRef,
        text: str,
        reply_to: ReplyTo | None,
        key: str | None,
        *,
        is_file: bool,
    ) -> str:
        deduplicate = self.capabilities.can_deduplicate and key is not None
        if deduplicate and key in self._keys:
            return self._keys[key]
        message_id = f"m{self._count + 1}"
        self._commit(
            {
                "send": message_id,
                "channel": to.channel.channel_id,
                "text": text,
                "answers": reply_to.message_id if isinstance(reply_to, MessageRef) else None,
                "is_file": is_file,
                "key": key,
            }
        )
        await asyncio.sleep(self.latency)
        return message_id

    def _record(self, name: str, call: str) -> None:
        self.calls.append(call)
        self.times.append(asyncio.get_running_loop().time())
        if self.refusals[name]:
            raise self.refusals[name].popleft()

    def _check(self, text: str, menus: Sequence[Menu]) -> None:
        assert text.strip(), "a platform takes no blank message"
        assert self.capabilities.count(text) <= self.capabilities.max_text, "too long"
        assert self.capabilities.can_buttons or not menus, "no buttons here"
        for button in (button for menu in menus for button in menu.buttons):
            assert button.action.isascii(), "not what a platform carries"
            assert 0 < len(button.action) <= 40, "not what a platform carries"
            assert button.label.strip(), "a button without a label"

    def _commit(self, entry: dict[str, object]) -> None:
        if self._journal is not None:
            os.write(self._journal, json.dumps(entry).encode() + b"\n")
        self._apply(entry)

    def _apply(self, entry: dict[str, object]) -> None:
        match entry:
            case {"send": str(message_id), "text": str(text)}:
                self._count += 1
                answers = entry["answers"]
                self.messages[message_id] = Shown(
                    message_id,
                    str(entry["channel"]),
                    text,
                    str(answers) if answers is not None else None,
                    bool(entry["is_file"]),
                )
                if isinstance(key := entry["key"], str):
                    self._keys[key] = message_id
            case {"edit": str(message_id), "text": str(text)}:
                self.messages[message_id].text = text
            case {"delete": str(message_id)}:
                del self.messages[message_id]
