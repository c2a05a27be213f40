"""What was removed can be brought back for its time; then it goes, and what was kept about it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core.taught import TaughtMessages

if TYPE_CHECKING:
    from knowledge_base.library import Library

_log = logging.getLogger(__name__)


class Resting:
    """Lets go of what was removed."""

    def __init__(self, library: Library, taught: TaughtMessages) -> None:
        self._library = library
        self._taught = taught

    async def prune(self) -> int:
        """End the rest of what was removed too long ago; of how many."""
        ended = await self._library.end_old_rests()
        bases = {base.base_id: base.name for base in await self._library.bases()}
        for base_id, name in ended:
            # A message that became a document was followed until now.
            if base_id in bases and await self._library.document(base_id, name) is None:
                await self._taught.forget(bases[base_id], name)
        if ended:
            _log.info("%d removed documents cannot be brought back any more", len(ended))
        return len(ended)
