"""The side of a library that answers: searching, quoting, and the embedders that do it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from knowledge_base import finding, quoting, stages
from knowledge_base.at_hand import Bases, ask
from knowledge_base.closeness import LOOKED_AT as READ_CLOSELY
from knowledge_base.closeness import CloseLook
from knowledge_base.embedders.base import Embedder, Vectors
from knowledge_base.errors import EmbeddingUnavailableError
from knowledge_base.former import FormerEmbedders, Reopen
from knowledge_base.front import Front
from knowledge_base.ingest import Workshop
from knowledge_base.models import (
    BaseId,
    ChunkId,
    Legs,
    Passage,
    Quotation,
    Scope,
    SearchResult,
)
from knowledge_base.offloop import blocking
from knowledge_base.reranking import LOOKED_AT, SecondLook
from knowledge_base.settings import KnowledgeSettings
from knowledge_base.threads import run
from knowledge_base.web import WebPages

log = logging.getLogger(__name__)

R = TypeVar("R")

MEASURING_SECONDS = 3.0
"""How long the first question to a base may wait until the base is measured: longer than a model on
this machine takes. What is measured later serves later questions."""
QUESTIONS_KEPT = 64


class Searching(Front):
    """Finds passages, and turns questions into vectors."""

    def __init__(
        self, workshop: Workshop, folder: Path, settings: KnowledgeSettings, pages: WebPages
    ) -> None:
        super().__init__(workshop, folder, settings, pages)
        self._also: list[Embedder] = []
        self._former = FormerEmbedders(workshop.store, workshop.threads, workshop.embedder)
        self._told: set[BaseId] = set()
        self._second: SecondLook | None = None
        self._close: CloseLook | None = None
        self.enriched = False
        """Whether passages are found by what was written about them too, see `hints`."""
        self.rewords = False
        """Whether a question that finds too little is searched once more in other words."""

    def look_twice(self, second: SecondLook) -> None:
        """Have what is found looked at again; the reranker stays the caller's."""
        self._second = second

    def look_closely(self, close: CloseLook) -> None:
        """Have passages read closely where the search is in doubt; it stays the caller's."""
        self._close = close

    @property
    def reranker_name(self) -> str | None:
        """Who looks at what is found again; None: nobody does."""
        return None if self._second is None else self._second.reranker.name

    def search_also_by(self, embedder: Embedder) -> None:
        """Bases whose vectors this one made are searched by it; it stays the caller's."""
        self._also.append(embedder)

    async def remember_embedder(self, recipe: str, reopen: Reopen) -> None:
        """Keep how the embedder was opened: once another one is configured, bases whose vectors it
        made are searched by it again, opened by `reopen` and closed by the library."""
        await self._former.remember(recipe, reopen)

    async def search(  # noqa: PLR0913 (one argument for each option)
        self,
        scope: Scope,
        query: str,
        *,
        limit: int | None = None,
        legs: Legs = Legs.BOTH,
        per_document: bool = False,
        threshold: float | None = None,
        join: int = 0,
        enriched: bool | None = None,
        reworded: bool | None = None,
        again: bool = True,
    ) -> SearchResult:
        """The passages nearest to a question, of what all processes have stored until now.

        `join`: characters up to which a passage comes with what stands around it; 0: as it is.

        With `per_document`, the best passage of each of `limit` documents. Where the dense leg
        cannot serve, the lexical one answers alone; `EmbeddingUnavailableError` only where the
        dense one was asked for by name. `enriched`, `reworded`: by hints too, and once more in
        other words; None: as is configured. `again`: a reranker looks too, where there is one.
        """
        if threshold is None:
            threshold = self._settings.relevance_threshold
        limit = self._settings.passages if limit is None else limit
        wanted = finding.Wanted(
            scope=scope,
            question=query,
            limit=self._reach(limit, legs, again=again),
            legs=legs,
            per_document=per_document,
            now=self._at.store.now,
            join=join,
            enriched=self.enriched if enriched is None else enriched,
            reworded=self.rewords if reworded is None else reworded,
        )
        begun = time.monotonic()
        vectors = await self._embedded(wanted)
        found = await self._find(wanted, vectors)
        tasks = [self._measuring.start(base_id) for base_id in found.unmeasured]
        if found.guessed and (waiting := [task for task in tasks if task is not None]):
            # Once for each base: its first answer is not to be guessed, but a slow embedder must
            # not keep the asker. Growing is looked after in the background.
            await asyncio.wait(waiting, timeout=MEASURING_SECONDS)
            found = await self._find(wanted, vectors)
        # A closer look reads what it has time for: no member is to hear of that, as nobody is told
        # of a reranker that is not there. One that is there and too slow is told.
        passages, _ = await self._looked_closely(wanted, found.known, found.passages)
        late = False
        if again:
            passages, late = await self._looked_again(wanted, passages)
        passages = passages[:limit]
        best = max((passage.relevance for passage in passages), default=0.0)
        refused = not passages or best < threshold
        result = SearchResult(
            passages, refused, threshold, found.lexical_only, found.about, looked_once=late
        )
        self.watcher.searched(time.monotonic() - begun, result)
        return result

    async def examine(
        self,
        scope: Scope,
        query: str,
        *,
        limit: int | None = None,
        legs: Legs = Legs.BOTH,
        join: int = 0,
        again: bool = True,
    ) -> stages.Stages:
        """A search as `search` makes it, with every stage. Raises `EmbeddingUnavailableError`."""
        limit = self._settings.passages if limit is None else limit
        again = again and self._second is not None and legs is Legs.BOTH
        wanted = finding.Wanted(
            scope,
            query,
            self._reach(limit, legs, again=again),
            legs,
            per_document=False,
            now=self._at.store.now,
            join=join,
            enriched=self.enriched,
        )
        vectors = await self._embedded(wanted)
        found = await self._ask(
            scope.bases, lambda own: stages.examine(own, wanted, vectors, self._at.embedder)
        )
        passages, late = await self._looked_closely(wanted, found.known, found.passages)
        if again:
            passages, is_late = await self._looked_again(wanted, passages)
            late = late or is_late
        if passages == found.passages and not again:
            return found
        return stages.looked_again(found, passages[:limit], late=late)

    async def passage(self, scope: Scope, chunk: ChunkId) -> Passage | None:
        """A passage by its id; None when it is gone, or not within the scope of who asks now."""

        def read() -> Passage | None:
            with self._at.store.read() as rows:
                return finding.passage(rows, scope, chunk)

        return await run(self._at.threads.search, read)

    async def quote(
        self,
        question: str,
        passages: Sequence[Passage],
        limit: int = 3,
        *,
        by_words: bool = False,
    ) -> tuple[Quotation, ...]:
        """The sentences of the passages that fit a question best, word for word, best first.

        `by_words`: nothing of it goes to the embedder.
        """
        if not passages:
            return ()
        weighed = await self._ask(
            {passage.document.base_id for passage in passages},
            lambda own: finding.weigh(own, question, passages),
        )
        embedder = self._at.embedder
        if embedder is not None and not by_words:
            try:
                meaning = (await self._vector(embedder, question), embedder.embed_documents)
                near = None if self._close is None else self._close.nearness
                return tuple(await quoting.quote(question, weighed, passages, meaning, limit, near))
            except EmbeddingUnavailableError:
                log.warning("the embedder does not answer: words alone", exc_info=True)
        return tuple(await quoting.quote(question, weighed, passages, None, limit))

    async def vectors(self, questions: Sequence[str]) -> Vectors | None:
        """Shape (len(questions), dimension), unit length; None where no embedder serves now."""
        embedder = self._at.embedder
        if embedder is None or not questions:
            return None
        try:
            return np.stack([await self._vector(embedder, question) for question in questions])
        except EmbeddingUnavailableError:
            log.warning("the embedder does not answer: words alone", exc_info=True)
            return None

    async def embedded(self, texts: Sequence[str], *, as_questions: bool) -> Vectors:
        """Shape (len(texts), dimension), unit length. Raises `EmbeddingUnavailableError`."""
        embedder = self._at.embedder
        if embedder is None:
            raise EmbeddingUnavailableError("")
        if as_questions:
            return np.stack([await self._vector(embedder, text) for text in texts])
        return await embedder.embed_documents(texts)

    def _reach(self, limit: int, legs: Legs, *, again: bool) -> int:
        """How many passages are found for so many wanted: those that are looked at too."""
        closely = READ_CLOSELY if self._close is not None and legs is Legs.BOTH else 0
        return max(limit, closely, LOOKED_AT if again and self._second is not None else 0)

    async def _looked_closely(
        self, wanted: finding.Wanted, known: float, passages: tuple[Passage, ...]
    ) -> tuple[tuple[Passage, ...], bool]:
        """The passages, and whether there was no time to read all that was to be read."""
        if self._close is None or wanted.legs is not Legs.BOTH:
            return passages, False
        return await self._close.at(wanted.question, known, passages)

    async def _looked_again(
        self, wanted: finding.Wanted, passages: tuple[Passage, ...]
    ) -> tuple[tuple[Passage, ...], bool]:
        """The passages, and whether a second look was wanted and not to be had."""
        if self._second is None or wanted.legs is not Legs.BOTH or not passages:
            return passages, False
        again = await self._second.at(wanted.question, passages)
        return (passages, True) if again is None else (again, False)

    async def _find(self, wanted: finding.Wanted, vectors: dict[str, Vectors]) -> finding.Found:
        return await self._ask(wanted.scope.bases, lambda own: finding.find(own, wanted, vectors))

    async def _ask(self, base_ids: Collection[BaseId], call: Callable[[Bases], R]) -> R:
        return await ask(self._at.bases, self._at.threads.search, base_ids, call)

    async def _embedded(self, wanted: finding.Wanted) -> dict[str, Vectors]:
        """The question's vector by fingerprint, where a base of the scope can use it."""
        if wanted.legs is Legs.LEXICAL:
            return {}
        known = self._at.bases.fingerprints(wanted.scope.bases)
        made_by = {base_id: made for base_id, made in known.items() if made is not None}
        if len(made_by) < len(wanted.scope.bases):
            fingerprints = partial(self._fingerprints, wanted.scope)
            made_by = await run(self._at.threads.search, fingerprints)
        vectors: dict[str, Vectors] = {}
        for own in await self._serving(made_by):
            try:
                vectors[own.fingerprint] = await self._vector(own, wanted.question)
            except EmbeddingUnavailableError:
                if wanted.legs is Legs.DENSE:
                    raise
                self._former.failed(own)
                log.warning("%s does not answer: words alone", own.name, exc_info=True)
        return vectors

    async def _serving(self, made_by: Mapping[BaseId, str]) -> list[Embedder]:
        """The embedders that made the vectors of these bases, as far as there are any."""
        needed = set(made_by.values())
        ours = [own for own in (self._at.embedder, *self._also) if own is not None]
        missing = needed - {own.fingerprint for own in ours}
        former = await self._former.serving(missing)
        missing -= {own.fingerprint for own in former}
        lost = {one for one in missing if self._former.is_lost(one)}
        self._tell({base_id: made for base_id, made in made_by.items() if made in lost})
        return [own for own in (*ours, *former) if own.fingerprint in needed]

    async def _vector(self, embedder: Embedder, question: str) -> Vectors:
        """Kept for a while: what is searched for is quoted for next."""
        key = (embedder.fingerprint, question)
        vector = self._asked.get(key)
        if vector is None:
            vector = await embedder.embed_query(question)
            self._asked[key] = vector
            while len(self._asked) > QUESTIONS_KEPT:
                self._asked.pop(next(iter(self._asked)))
        return vector

    @blocking
    def _fingerprints(self, scope: Scope) -> dict[BaseId, str]:
        with self._at.store.read() as rows:
            bases = (rows.bases.find(base_id) for base_id in scope.bases)
            return {b.base_id: b.fingerprint for b in bases if b and b.fingerprint}

    def _tell(self, others: dict[BaseId, str]) -> None:
        for base_id in others.keys() - self._told:
            self._told.add(base_id)
            configured = self._at.embedder.name if self._at.embedder else "none"
            log.warning(
                "base %d was embedded by another model than the configured one (%s): "
                "until it is re-embedded it is searched by words alone",
                base_id,
                configured,
            )
