"""What a turn draws from: documents, who may see which of them, and what holds where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.access import Access
from core.agreeing import HERE, Agreeing, Embedding
from core.channels import Channels
from core.distance import is_within
from core.events import IncomingMessage
from core.summaries import Recap
from core.summarising import Summarising
from core.whole.answering import Whole

if TYPE_CHECKING:
    from knowledge_base.library import Library


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What questions are answered from, who may see which of it, and what holds where."""

    library: Library
    access: Access
    channels: Channels
    max_file_mb: int = 50
    """Of what comes with a question."""
    reads_pictures: bool = False
    """Whether the library finds the text that is written on pictures."""
    embedding: Embedding = HERE
    agreeing: Agreeing | None = None
    """Asks whether what is asked in private may leave the machine; None: nobody is asked."""
    rewords: bool = False
    """Whether a question for which too little is found is put otherwise and searched once more."""
    summarising: Summarising | None = None
    """Sums up what was said long ago; None: it is forgotten where there is no room."""
    whole: Whole | None = None
    """Answers questions about whole documents; None: they are questions like others."""

    async def recap(self, message: IncomingMessage) -> Recap | None:
        """What was said before the turns that go with a question."""
        return await self.summarising.behind(message) if self.summarising is not None else None

    def embeds(self, asked: IncomingMessage) -> bool:
        """Whether what is asked there may go to the embedder."""
        return is_within(self.embedding.place, self.channels.of(asked).place)
