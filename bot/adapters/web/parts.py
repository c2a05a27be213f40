"""What the console's pages work with; filled by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bot.adapters.web.channel_desk import ChannelDesk
from bot.adapters.web.desk import Desk
from bot.adapters.web.modelling import ModelRoom
from bot.adapters.web.overview import Overviews
from bot.adapters.web.shelves import Shelf
from bot.adapters.web.talks import Talks
from bot.adapters.web.trial import Trial
from bot.adapters.web.visitors import Visitor
from core.ports import Inbox

PlainEngine: TypeAlias = Callable[[], str | None]
Shelved: TypeAlias = Callable[[Visitor], Awaitable[Sequence[Shelf]]]


@dataclass(frozen=True, slots=True)
class Parts:
    """Typed fields; a page takes what it needs. What lies above the adapters is a protocol here."""

    inbox: Inbox
    shelves: Shelved
    """All bases that a visitor may see, the operator's shared one first."""
    talks: Talks
    plain_engine: PlainEngine
    """The model that answers where no base is picked; None: there is none that writes."""
    channels: ChannelDesk | None = None
    """Settings and admission; None where there are no chat platforms to speak of."""
    overviews: Overviews | None = None
    desk: Desk | None = None
    """Looks after knowledge; None where there is nothing but the inbox."""
    trial: Trial | None = None
    """Tries searches; the same."""
    models: ModelRoom | None = None
    max_file_mb: int = 50
    """Of one file that a page sends."""
