"""What commands need to show and erase what is kept of somebody."""

from __future__ import annotations

from dataclasses import dataclass

from core.envoy import Envoy
from core.events import MemberRef
from core.exporting import Exporting
from core.forgetting import Forgetting
from core.replies import FileReply


@dataclass(frozen=True, slots=True)
class OwnData:
    """Telling, handing over, forgetting."""

    exporting: Exporting
    forgetting: Forgetting
    envoy: Envoy

    async def hand(self, member: MemberRef, file: FileReply) -> bool:
        """In private; False where that cannot be."""
        return await self.envoy.hand(member, file)
