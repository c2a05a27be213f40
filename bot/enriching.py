"""`kb enrich`: passages made easier to find now, as long as the shell waits."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot import output
from bot.building import build
from bot.evaluating import with_engine
from bot.hinting import enriching
from bot.parts import open_library
from bot.progress import CountBar
from bot.settings import Config
from bot.titles import find_called
from bot.wording import own_words
from core.counts import passages_of
from core.enriching import Enriching
from core.language import Words
from knowledge_base.library import Library
from knowledge_base.models import KnowledgeBase

_UNLIMITED = 100_000_000


@dataclass(frozen=True, slots=True)
class EnrichRequest:
    """The options of `kb enrich`."""

    base: str
    passages: int | None = None
    """At most so many; None: all that have no hints."""
    engine: str | None = None
    forget: bool = False
    as_json: bool = False


async def enrich(config: Config, request: EnrichRequest) -> int:
    """Have an engine write about passages, or take out all that was written."""
    if request.forget:
        return await _forget(config, request)
    _ = own_words(config)
    # Who waits for it has decided what it may cost.
    retrieval = replace(config.retrieval, enrichment_tokens_hourly=_UNLIMITED)
    chosen = replace(with_engine(config, request.engine), retrieval=retrieval)
    async with build(chosen) as bot:
        insists = request.engine is not None
        making = enriching(chosen, bot.library, bot.engines, bot.database, insists=insists)
        base = await find_called(config, bot.library, request.base, _)
        if making.writer is None:
            name = bot.engines.name_for(None)
            output.tell(
                _("The engine {engine} does not write for itself: choose another with --engine.",
                  engine=name)
            )  # fmt: skip
            return 1
        with CountBar(_("passages"), quiet=request.as_json) as bar:
            able = await _all(making, bot.library, base, request.passages, bar)
        await _tell(bot.library, base, request, _)
    if not able:
        output.tell(_("The texts of {base} may not go to that engine.", base=request.base))
    return 0 if able else 1


async def _all(
    making: Enriching, library: Library, base: KnowledgeBase, most: int | None, bar: CountBar
) -> bool:
    """False where the engine may not read them."""
    progress = await library.enrichment.progress(base.base_id)
    left = progress.total - progress.passages
    total = left if most is None else min(left, most)
    done = 0
    while done < total:
        bar.show(done, total)
        match await making.step(base):
            case "kept":
                done += 1
            case "disturbed":
                pass
            case "nothing" | "spent":
                break
            case "unable":
                return False
    bar.show(done, total)
    return True


async def _tell(library: Library, base: KnowledgeBase, request: EnrichRequest, _: Words) -> None:
    now = await library.enrichment.progress(base.base_id)
    if request.as_json:
        output.emit({"passages": now.passages, "total": now.total, "texts": now.texts})
        return
    output.say(
        _(
            "{passages} of {total} looked at; {texts}.",
            passages=now.passages,
            total=passages_of(now.total, _),
            texts=_.plural("{count} text leads there", "{count} texts lead there", now.texts),
        )
    )


async def _forget(config: Config, request: EnrichRequest) -> int:
    _ = own_words(config)
    async with open_library(config, embedding=False) as library:
        base = await find_called(config, library, request.base, _)
        count = await library.enrichment.forget(base.base_id)
        if request.as_json:
            output.emit({"forgotten": count})
        else:
            told = _("What was written about {passages} is gone.", passages=passages_of(count, _))
            output.say(told)
    return 0
