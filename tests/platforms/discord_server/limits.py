"""Rate limits: a count of requests in a window that opens with the first of them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the buckets; per channel, or per interaction for `webhooks`."""

    messages: Rate = Rate(5, 5)
    edits: Rate = Rate(5, 5)
    deletes: Rate = Rate(5, 1)
    typing: Rate = Rate(5, 5)
    reactions: Rate = Rate(1, 0.25)
    webhooks: Rate = Rate(5, 2)
    overall: Rate = Rate(50, 1)

    def of(self, bucket: str) -> Rate | None:
        """The limit of a bucket, None where it has none of its own."""
        return getattr(self, bucket) if bucket else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bucket says to a request."""

    bucket: str
    rate: Rate
    remaining: int
    reset_after: float
    refused: bool
    is_global: bool = False

    def headers(self, now: float) -> dict[str, str]:
        """The headers that tell a client where it stands."""
        # Rounded up: a client that waits exactly so long must not come too early.
        after = math.ceil(self.reset_after * 1000 + 1) / 1000
        told = {
            "X-RateLimit-Limit": str(self.rate.count),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": f"{now + after:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": hashlib.blake2s(self.bucket.encode(), digest_size=16).hexdigest(),
        }
        if self.refused:
            told["Retry-After"] = str(math.ceil(after))
            told["X-RateLimit-Scope"] = "global" if self.is_global else "user"
            told["Via"] = "1.1 local"
        if self.is_global:
            told["X-RateLimit-Global"] = "true"
        return told


@dataclass(slots=True)
class _Window:
    ends: float
    taken: int = 0


@dataclass(slots=True)
class Buckets:
    """All windows that are open."""

    limits: Limits
    clock: Callable[[], float]
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)
    _forced: dict[str, list[float]] = field(default_factory=dict)

    def force(self, bucket: str, retry_after: float, times: int) -> None:
        """Refuse the next requests of a bucket, whatever its windows say."""
        self._forced.setdefault(bucket, []).extend([retry_after] * times)

    def forced(self, bucket: str) -> Verdict | None:
        """The refusal that was ordered for a bucket, once each."""
        if not (waiting := self._forced.get(bucket)):
            return None
        rate = self.limits.of(bucket) or self.limits.overall
        is_global = bucket == "overall"
        return Verdict(bucket, rate, 0, waiting.pop(0), refused=True, is_global=is_global)

    def take(self, bucket: str, key: str) -> Verdict | None:
        """Count one request; None for a bucket without limit."""
        rate = self.limits.of(bucket)
        if rate is None:
            return None
        now = self.clock()
        window = self._windows.get((bucket, key))
        if window is None or window.ends <= now:
            window = self._windows[bucket, key] = _Window(now + rate.seconds)
        refused = window.taken >= rate.count
        window.taken += not refused
        left = rate.count - window.taken
        is_global = bucket == "overall"
        return Verdict(bucket, rate, left, window.ends - now, refused, is_global=is_global)
