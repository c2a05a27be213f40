"""Tells the owners that what may be spent on an engine comes to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.envoy import Envoy
from core.inert import inert
from core.language import N_
from core.spend import CapReached, Period

_ALL: Final = 100
_FORMS: Final[Mapping[tuple[Period, bool], str]] = {
    ("day", False): N_(
        "{percent} % of what may be spent on the model {engine} today is spent: "
        "{spent:.2f} of {cap:.2f}."
    ),
    ("month", False): N_(
        "{percent} % of what may be spent on the model {engine} this month is spent: "
        "{spent:.2f} of {cap:.2f}."
    ),
    ("day", True): N_(
        "The model {engine} serves no more today: {spent:.2f} of {cap:.2f} is spent. Another one "
        "answers meanwhile, or quotations."
    ),
    ("month", True): N_(
        "The model {engine} serves no more this month: {spent:.2f} of {cap:.2f} is spent. "
        "Another one answers meanwhile, or quotations."
    ),
}


class Treasurer:
    """Speaks to the owners in private."""

    def __init__(self, envoy: Envoy) -> None:
        self._envoy = envoy

    async def tell(self, reached: CapReached) -> bool:
        """Whether somebody was told; where there are no owners, the log has it."""
        if not self._envoy.owners:
            return True
        _ = self._envoy.words()
        form = _FORMS[reached.period, reached.percent >= _ALL]
        text = _(
            form,
            percent=reached.percent,
            engine=inert(reached.engine),
            spent=reached.spent,
            cap=reached.cap,
        )
        return bool(await self._envoy.tell_owners(text))
