"""Flood limits: so many messages and edits in so many seconds, then 429 until the wait is over."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.platforms.telegram_server.errors import too_many


@dataclass(frozen=True)
class FloodLimits:
    """Each (count, seconds); a test may let its minute last two seconds. None: no limit."""

    group: tuple[int, float] | None = (20, 60.0)
    overall: tuple[int, float] | None = (30, 1.0)
    private: tuple[int, float] | None = (10, 10.0)
    """About one a second, with bursts."""
    drafts: tuple[int, float] | None = None


UNLIMITED = FloodLimits(group=None, overall=None, private=None)


@dataclass
class Flood:
    """Counts what a bot sends, per chat and over all."""

    limits: FloodLimits
    clock: Callable[[], float]
    violated: Counter[object] = field(default_factory=Counter)
    """Calls refused with 429 because a limit was passed, by the chat or "overall"; imposed waits
    are not counted."""
    disregarded: int = 0
    """Calls that met a wait which an earlier call had been told of."""
    by_chat: Counter[int] = field(default_factory=Counter)
    _sent: dict[object, deque[float]] = field(default_factory=dict)
    _until: dict[object, float] = field(default_factory=dict)
    _imposed: set[object] = field(default_factory=set)
    _told: set[object] = field(default_factory=set)

    @property
    def violations(self) -> int:
        return self.violated.total()

    def impose(self, key: int | None, seconds: float) -> None:
        """Refuse what goes to a chat (None: to any) for a while, as Telegram may at any time."""
        name: object = "overall" if key is None else key
        self._until[name] = self.clock() + seconds
        self._imposed.add(name)
        self._told.discard(name)

    def spend(self, chat_id: int, kind: str, count: int = 1) -> None:
        """Let a message, edit or draft pass, or refuse it with the seconds to wait."""
        limit = {"private": self.limits.private, "draft": self.limits.drafts}.get(
            kind, self.limits.group
        )
        key: object = ("draft", chat_id) if kind == "draft" else chat_id
        now = self.clock()
        checks = [(key, limit)]
        if kind != "draft":
            checks.append(("overall", self.limits.overall))
        for name, bound in checks:
            self._check(name, bound, now, count, chat_id)
        for name, _ in checks:
            self._sent.setdefault(name, deque()).extend([now] * count)
        self.by_chat[chat_id] += count

    def _check(
        self,
        key: object,
        bound: tuple[int, float] | None,
        now: float,
        count: int,
        chat_id: int,
    ) -> None:
        if (until := self._until.get(key, 0.0)) > now:
            self.violated[key] += key not in self._imposed
            self.disregarded += key in self._told
            self._told.add(key)
            raise too_many(max(1, math.ceil(until - now)))
        if bound is None:
            return
        most, seconds = bound
        sent = self._sent.setdefault(key, deque())
        while sent and sent[0] <= now - seconds:
            sent.popleft()
        if len(sent) + count <= most:
            return
        self.violated[key] += 1
        self._imposed.discard(key)
        self._told.add(key)
        wait = sent[max(0, len(sent) + count - most - 1)] + seconds - now if sent else seconds
        self._until[key] = now + wait
        raise too_many(max(1, math.ceil(wait)))
