"""How often somebody may guess a password."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from typing import Final

from core.accounts import LONGEST_NAME, name_key

WINDOW_SECONDS: Final = 600
FROM_ONE_ADDRESS: Final = 10
FOR_ONE_NAME: Final = 30
"""From wherever: more than one address may make, so that nobody locks others out by themselves."""
_MOST_KEPT: Final = 10_000


class Attempts:
    """Failed log-ins of the last ten minutes, by address and by name; kept in memory alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def wait(self, address: str, name: str) -> float:
        """Seconds until another attempt is taken; 0: now."""
        now = self._clock()
        waits = [self._wait(key, most, now) for key, most in _keys(address, name)]
        return max(waits)

    def failed(self, address: str, name: str) -> None:
        """Note a wrong password. To be noted before it is tried: tries at the same time count."""
        now = self._clock()
        for key, _ in _keys(address, name):
            times = self._failed.setdefault(key, deque())
            self._failed.move_to_end(key)
            times.append(now)
        while len(self._failed) > _MOST_KEPT:
            self._failed.popitem(last=False)

    def succeeded(self, address: str, name: str) -> None:
        """It was the right one: what was noted of this address and name is forgotten."""
        for key, _ in _keys(address, name):
            self._failed.pop(key, None)

    def _wait(self, key: tuple[str, str], most: int, now: float) -> float:
        times = self._failed.get(key)
        if times is None:
            return 0.0
        while times and times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        if not times:
            del self._failed[key]
            return 0.0
        return times[-most] + WINDOW_SECONDS - now if len(times) >= most else 0.0


def _keys(address: str, name: str) -> Iterator[tuple[tuple[str, str], int]]:
    """What an attempt counts for, and how many such there may be."""
    # What is longer is nobody's name, and is not to be remembered at whatever length it has.
    yield ("name", name_key(name.strip()[:LONGEST_NAME])), FOR_ONE_NAME
    try:
        known = ip_address(address)
    except ValueError:
        yield ("address", address), FROM_ONE_ADDRESS
        return
    if known.is_loopback:
        # A proxy on this machine: whoever comes through it comes from here.
        return
    # Whoever has one address of IPv6 has all of its network.
    network = ip_network((known, 64 if known.version == 6 else 32), strict=False)
    yield ("address", str(network)), FROM_ONE_ADDRESS
