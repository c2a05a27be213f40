"""What a key can ask: names of models, and what stands behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bot.adapters.api.refusals import RefusedError
from core.engines.choice import EngineChoice
from core.keys import Key
from knowledge_base.embedders.base import Vectors
from knowledge_base.models import KnowledgeBase

ALL: Final = "lorekeeper"
_PREFIX: Final = f"{ALL}/"


class Shelf(Protocol):
    """What the API asks of the library besides answers."""

    @property
    def embedder_name(self) -> str | None: ...

    async def bases(self) -> tuple[KnowledgeBase, ...]: ...

    async def embedded(self, texts: Sequence[str], *, as_questions: bool) -> Vectors: ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """What answers: bases, or an engine alone."""

    bases: tuple[str, ...] = ()
    """Never empty without an engine."""
    engine: str | None = None


class Catalogue:
    """Names of models, for each key its own. What a key may not use does not exist for it."""

    def __init__(self, shelf: Shelf, engines: EngineChoice) -> None:
        self._shelf = shelf
        self._engines = engines

    @property
    def embedding(self) -> str | None:
        """The embedder's name as a model; None where none serves."""
        name = self._shelf.embedder_name
        return None if name is None else name.partition(" (")[0]

    async def names(self, key: Key) -> tuple[str, ...]:
        """Every model that this key can ask."""
        bases = await self._bases(key)
        answering = (ALL, *(_PREFIX + name for name in bases)) if bases else ()
        embedding = () if self.embedding is None else (self.embedding,)
        return (*answering, *self._alone(key), *embedding)

    async def chosen(self, key: Key, model: str) -> Chosen:
        """What stands behind a name. Raises `RefusedError`, in the same words whatever it is that
        keeps the key from it."""
        bases = await self._bases(key)
        if model == ALL and bases:
            return Chosen(bases)
        if model.startswith(_PREFIX) and model.removeprefix(_PREFIX) in bases:
            return Chosen((model.removeprefix(_PREFIX),))
        if model in self._alone(key):
            return Chosen(engine=model)
        raise unknown(model)

    def sees(self, chosen: Chosen) -> bool:
        """Whether pictures can be shown to what answers."""
        return self._engines.of(chosen.engine).engine.accepts_images

    async def _bases(self, key: Key) -> tuple[str, ...]:
        if not key.bases:
            return ()
        held = await self._shelf.bases()
        return tuple(sorted(base.name for base in held if base.base_id in key.bases))

    def _alone(self, key: Key) -> tuple[str, ...]:
        """Engines that say something without passages."""
        if not key.plain:
            return ()
        names = self._engines.names
        return tuple(name for name in names if not self._engines.of(name).engine.quotes)


def unknown(model: str) -> RefusedError:
    text = f"The model {model[:100]!r} does not exist, or this key may not use it."
    return RefusedError(404, text, "model_not_found", param="model")
