"""One call of a bot: who called, with what, in which world; and the log of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.platforms.telegram_server.errors import bad_request
from tests.platforms.telegram_server.model import Chat, Message
from tests.platforms.telegram_server.parameters import Parameters
from tests.platforms.telegram_server.world import Bot, World


@dataclass(frozen=True)
class ServerOptions:
    """What may differ between servers."""

    version: tuple[int, int] = (10, 3)
    callback_seconds: float = 15.0
    """So long after a press it may be answered."""
    download_limit: int | None = 20 * 1024 * 1024
    """None: a Bot API server of one's own, which gives out files of any size."""
    local_folder: Path | None = None
    """Where such a server keeps its files: getFile then answers with a path on this disk."""


@dataclass
class Call:
    """A method being called."""

    world: World
    bot: Bot
    given: Parameters
    options: ServerOptions

    def chat(self) -> Chat:
        """The chat named, whether or not the bot may write there."""
        return self.world.chat_for(self.bot, self.given.text("chat_id"))

    def target(self) -> Chat:
        """The chat named, if the bot may write there."""
        return self.world.writable(self.bot, self.given.text("chat_id"))

    def own_message(self, chat: Chat, missing: str) -> Message:
        """The message named by `message_id`; refused with the words given where there is none."""
        message = chat.messages.get(self.given.integer("message_id"))
        if message is None or message.deleted:
            raise bad_request(missing)
        return message


Method = Callable[[Call], object | Awaitable[object]]


@dataclass
class LoggedCall:
    """A call as the log keeps it; without a status while it is being answered."""

    method: str
    parameters: dict[str, object]
    at: float
    status: int | None = None
    description: str = ""
    files: dict[str, str] = field(default_factory=dict)
    """Names of uploaded files by parameter."""
