"""Expected failures of the core. An error carries facts; `core.explain` has the words.

UserError: what the asker can mend
├── UnknownCommandError, BadArgumentsError, NotAllowedError
├── AttachmentTooLargeError, UnsupportedAttachmentError, QuotaExceededError, NoSuchEngineError
├── UnknownSettingError, BadSettingError, BadQuestionError
├── WrongPlaceError, UnknownChannelError, AmbiguousChannelError, NotReadableError
├── NotAdminThereError, RestrictedBaseError, TooManyReadersError
├── FullBaseError, DiskLowError
EngineError: the model's side
├── EngineUnavailableError, EngineRateLimitedError (retried, before the first delta only)
├── ContextTooLongError, EngineRefusedError (EngineAccessError), EngineTimeoutError, QueueFullError
├── EngineBrokeOffError, EngineBudgetError, EngineTooFarError
DeliveryError: the platform's side
├── ForbiddenError, ChannelGoneError (ConversationMovedError), DeliveryRateLimitedError
PromptTemplateError: the operator's own template is off

Siblings catch siblings only: none of these is a network error in disguise.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from core.distance import EnginePlace
from core.events import ConversationRef

LoadProblem: TypeAlias = Literal[
    "extra", "missing", "broken", "architecture", "template", "no_template", "memory"
]


def code_of(error: Exception) -> str:
    """The error's name for programs: "queue_full" for a `QueueFullError`."""
    name = type(error).__name__.removesuffix("Error")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class UserError(Exception):
    """Something the asker did, and can do otherwise."""


class UnknownCommandError(UserError):
    """No command has this name."""

    def __init__(self, name: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self.name = name
        self.near = near


class BadArgumentsError(UserError):
    """The command is known, its arguments are off; `usage` is the right form."""

    def __init__(self, name: str, usage: str) -> None:
        super().__init__(name)
        self.name = name
        self.usage = usage


class BadQuestionError(UserError):
    """A line, counted from 1, that is no question whose answer is known."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class NotAllowedError(UserError):
    """The asker's level does not reach; `needs` names the level that would."""

    def __init__(self, needs: str) -> None:
        super().__init__(needs)
        self.needs = needs


class AttachmentTooLargeError(UserError):
    """An attachment is over a limit, named by its configuration key."""

    def __init__(self, filename: str, limit_bytes: int, key: str) -> None:
        super().__init__(filename)
        self.filename = filename
        self.limit_bytes = limit_bytes
        self.key = key


class UnsupportedAttachmentError(UserError):
    """Nothing reads this type of attachment."""

    def __init__(self, filename: str, media_type: str) -> None:
        super().__init__(filename)
        self.filename = filename
        self.media_type = media_type


class AttachmentGoneError(UserError):
    """A file came with an earlier message, and its platform does not give it again."""

    def __init__(self, filename: str) -> None:
        super().__init__(filename)
        self.filename = filename


class QuotaExceededError(UserError):
    """The asker's budget is used up; `budget` names its key below `limits`."""

    def __init__(self, budget: str, limit: int, retry_after: float) -> None:
        super().__init__(budget, limit)
        self.budget = budget
        self.limit = limit
        self.retry_after = retry_after


class FullBaseError(UserError):
    """A base takes no more: `key` names the limit."""

    def __init__(self, key: str, limit: int) -> None:
        super().__init__(key)
        self.key = key
        self.limit = limit


class DiskLowError(UserError):
    """So little of the disk is free that nothing more is learnt."""

    def __init__(self, free_bytes: int, least_percent: float) -> None:
        super().__init__(free_bytes)
        self.free_bytes = free_bytes
        self.least_percent = least_percent


class NoSuchEngineError(UserError):
    """No engine has this name, or the operator does not allow it here."""

    def __init__(self, name: str, available: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.available = available


class EmbedderTooFarError(UserError):
    """What is taught there may not go as far as to the embedder at `host`."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


class UnknownSettingError(UserError):
    """A channel has no setting of this name."""

    def __init__(self, name: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self.name = name
        self.near = near


class BadSettingError(UserError):
    """A setting does not take this value; `available` are those it takes."""

    def __init__(self, name: str, value: str, available: tuple[str, ...]) -> None:
        super().__init__(name, value)
        self.name = name
        self.value = value
        self.available = available


class WrongPlaceError(UserError):
    """The command works elsewhere: in a private chat, a group, or a server."""

    def __init__(self, wanted: Literal["private", "group", "server"]) -> None:
        super().__init__(wanted)
        self.wanted = wanted


class UnknownChannelError(UserError):
    """No channel of this name is one where the asker was seen."""

    def __init__(self, name: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self.name = name
        self.near = near


class AmbiguousChannelError(UserError):
    """Several channels have this name; `available` tells them apart."""

    def __init__(self, name: str, available: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.available = available


class NotReadableError(UserError):
    """The asker cannot read that channel, or (`unknown`) the platform does not say so now."""

    def __init__(self, name: str, *, unknown: bool) -> None:
        super().__init__(name)
        self.name = name
        self.unknown = unknown


class NotAdminThereError(UserError):
    """The asker does not administer the other end, or (`unknown`) the platform does not say so."""

    def __init__(self, name: str, *, unknown: bool) -> None:
        super().__init__(name)
        self.name = name
        self.unknown = unknown


class TooManyReadersError(UserError):
    """People read that channel who cannot read this one."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class RestrictedBaseError(UserError):
    """What was learnt where fewer people can see is not attached, only shared by name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class BadBaseNameError(UserError):
    """No name that somebody can give a base."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class NoLongerOpenError(UserError):
    """What a button asked was answered already, is too old, or was asked elsewhere."""


class NotYoursError(UserError):
    """A button that somebody else was asked to press."""


class WrongTimeError(UserError):
    """No point in time, or span of it, that we can read."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class NoSuchMemberError(UserError):
    """Nobody who taught something here goes by this name, or several do."""

    def __init__(self, name: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self.name = name
        self.near = near


class PromptTemplateError(Exception):
    """A prompt template cannot be used: its syntax, a variable it misses or one it invents.

    Line 0: `path` is a folder without any template.
    """

    def __init__(
        self,
        path: str,
        line: int,
        *,
        missing: tuple[str, ...] = (),
        unknown: str | None = None,
        near: tuple[str, ...] = (),
    ) -> None:
        super().__init__(path, line)
        self.path = path
        self.line = line
        self.missing = missing
        self.unknown = unknown
        self.near = near


class EngineError(Exception):
    """The engine did not do what was asked; `engine` is its name."""

    def __init__(self, engine: str) -> None:
        super().__init__(engine)
        self.engine = engine


class EngineUnavailableError(EngineError):
    """The engine cannot be reached, cannot be loaded or broke off.

    `target` is what was tried, where that helps: an address, a file, a package.
    """

    def __init__(self, engine: str, target: str | None = None) -> None:
        super().__init__(engine)
        self.target = target


class ModelNotLoadedError(EngineError):
    """The model cannot be loaded as configured.

    `problem` says what is in the way; `detail` names it: a package, an extra, a folder, a key's
    value or what the library said.
    """

    def __init__(self, engine: str, problem: LoadProblem, detail: str) -> None:
        super().__init__(engine)
        self.problem = problem
        self.detail = detail


class EngineMemoryError(EngineError):
    """The device's memory ran out over this request, which was given up; the engine goes on."""

    def __init__(self, engine: str, tokens: int) -> None:
        super().__init__(engine)
        self.tokens = tokens


class EngineRateLimitedError(EngineError):
    """A remote engine asks us to wait."""

    def __init__(self, engine: str, retry_after: float | None = None) -> None:
        super().__init__(engine)
        self.retry_after = retry_after


class ContextTooLongError(EngineError):
    """The prompt does not fit the engine's context window."""

    def __init__(self, engine: str, tokens: int, limit: int) -> None:
        super().__init__(engine)
        self.tokens = tokens
        self.limit = limit


class EngineRefusedError(EngineError):
    """The engine answered that it will not (content filter, bad request, no rights)."""


class EngineAccessError(EngineRefusedError):
    """The server does not accept our key, or not for this model."""


class EngineBrokeOffError(EngineError):
    """The engine failed in the middle of an answer: what was shown stays, and stays unfinished."""


class EngineBudgetError(EngineError):
    """What may be spent on the engine in this `period` is used up."""

    def __init__(self, engine: str, period: Literal["day", "month"]) -> None:
        super().__init__(engine)
        self.period = period


class EngineTooFarError(EngineError):
    """The engine is further out than what is asked here may go; `place` is where it is."""

    def __init__(self, engine: str, place: EnginePlace) -> None:
        super().__init__(engine)
        self.place = place


class EngineTimeoutError(EngineError):
    """The engine took longer than `request_timeout_seconds`."""

    def __init__(self, engine: str, seconds: float) -> None:
        super().__init__(engine)
        self.seconds = seconds


class QueueFullError(EngineError):
    """Too many wait already: of everybody, of this channel or of this member."""

    def __init__(self, engine: str, waiting: int, limit: int, key: str) -> None:
        super().__init__(engine)
        self.waiting = waiting
        self.limit = limit
        self.key = key


class DeliveryError(Exception):
    """A platform did not take what we sent."""

    def __init__(self, conversation: ConversationRef) -> None:
        super().__init__(conversation)
        self.conversation = conversation


class ForbiddenError(DeliveryError):
    """We may not write there."""


class ChannelGoneError(DeliveryError):
    """The channel or the message is no more."""


class ConversationMovedError(ChannelGoneError):
    """It goes on under another id: new messages reach it, but its old ones cannot be changed."""

    def __init__(self, conversation: ConversationRef, now: ConversationRef) -> None:
        super().__init__(conversation)
        self.now = now


class DeliveryRateLimitedError(DeliveryError):
    """The platform asks us to wait; retried by the pacer."""

    def __init__(self, conversation: ConversationRef, retry_after: float) -> None:
        super().__init__(conversation)
        self.retry_after = retry_after
