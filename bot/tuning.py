"""`kb tune`: what searches do on questions whose answers are known, and what suits them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot import output
from bot.evaluating import golden_of
from bot.parts import open_library
from bot.progress import CountBar
from bot.settings import Config
from bot.titles import find_called
from bot.wording import own_words
from core import tuning
from core.commands.tuning import advice_lines, points
from core.golden import Golden, Outcome, measured, outcome
from core.golden_figures import Figure
from core.language import N_, Words
from core.tuning import Advice, Verdict
from knowledge_base.library import Library
from knowledge_base.models import Legs, Scope

_JOINED: Final = 1500


@dataclass(frozen=True, slots=True)
class _Way:
    """A way of searching that is tried."""

    name: str
    legs: Legs
    join: int = 0
    enriched: bool = False
    reworded: bool = False
    again: bool = False
    """Whether the reranker looks at what was found."""
    key: str = ""
    """Of `[retrieval]`, that makes it the usual way."""


_USUAL: Final = _Way(N_("both ways"), Legs.BOTH)
_OTHERS: Final = (
    _Way(N_("by meaning alone"), Legs.DENSE),
    _Way(N_("by words alone"), Legs.LEXICAL),
    _Way(N_("both ways, with neighbours"), Legs.BOTH, _JOINED),
    _Way(N_("both ways, once more in other words"), Legs.BOTH, reworded=True, key="reword"),
)
_ENRICHED: Final = _Way(
    N_("both ways, and by what was written about passages"),
    Legs.BOTH,
    enriched=True,
    key="enrichment",
)

_AGAIN: Final = _Way(
    N_("both ways, and a second look by the reranker"), Legs.BOTH, again=True, key="reranker"
)


async def tune(config: Config, base: str, file: Path | None, as_json: bool) -> int:
    """Search for every question each way; tell figures, and what helps beyond noise."""
    _ = own_words(config)
    # What is asked within a conversation is no search by itself.
    questions = [own for own in await asyncio.to_thread(golden_of, file) if not own.turns]
    async with open_library(config) as library:
        base_id = (await find_called(config, library, base, _)).base_id
        ways = [_USUAL, *(_OTHERS if library.embeds else _OTHERS[1:2])]
        if (await library.enrichment.progress(base_id)).texts:
            ways.append(_ENRICHED)
        if library.reranker_name is not None:
            ways.append(_AGAIN)
        with CountBar(_("questions"), quiet=as_json) as bar:
            tried = await _tried(library, Scope(frozenset({base_id})), questions, ways, bar)
    held = config.knowledge.relevance_threshold
    passages = config.chat.passages
    usual = tried[_USUAL.name]
    advice = tuning.advised(usual, held, passages)
    chosen = _chosen(config, ways, tried)
    if as_json:
        output.emit(_told(tried, advice, held, passages, chosen))
        return 0
    _figures(tried, _)
    output.say()
    output.say(_("By threshold: # answered, = refused rightly; * holds now, > would suit better"))
    output.say(tuning.plotted(tuning.curve(usual), held, advice.threshold))
    output.say()
    for line in advice_lines(advice, _):
        output.say(line)
    if advice.threshold is not None:
        output.say(f"[knowledge]\nrelevance_threshold = {advice.threshold:g}")
    if advice.passages is not None:
        output.say(f"[chat]\npassages = {advice.passages}")
    for key, (is_on, helps) in chosen.items():
        for line in _switch_lines(key, is_on, helps, _):
            output.say(line)
    return 0


def _chosen(
    config: Config, ways: Sequence[_Way], tried: Mapping[str, Sequence[Outcome]]
) -> dict[str, tuple[bool, Verdict]]:
    """By key, whether each way that can be switched is on, and what it is good for."""
    usual, held = tried[_USUAL.name], config.knowledge.relevance_threshold
    return {
        way.key: (
            bool(getattr(config.retrieval, way.key)),
            tuning.verdict(usual, tried[way.name], held),
        )
        for way in ways
        if way.key
    }


def _switch_lines(key: str, is_on: bool, helps: Verdict, _: Words) -> Iterator[str]:
    """What to do about a way of searching that can be switched on."""
    facts = {"key": f"[retrieval] {key}", "gain": points(helps.ranking) if helps.ranking else "–"}
    if helps.is_proven and not is_on:
        yield _("{key}: helps beyond noise ({gain}) and refuses no worse: switch it on.", **facts)
        yield f"[retrieval]\n{key} = true"
    elif helps.is_proven:
        yield _("{key}: helps beyond noise ({gain}): it is rightly on.", **facts)
    elif is_on:
        yield _("{key}: no help beyond noise ({gain}): switch it off.", **facts)
        off = '""' if key == _AGAIN.key else "false"
        yield f"[retrieval]\n{key} = {off}"
    else:
        yield _("{key}: no help beyond noise ({gain}): it stays off.", **facts)


async def _tried(
    library: Library,
    scope: Scope,
    questions: Sequence[Golden],
    ways: Sequence[_Way],
    bar: CountBar,
) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for place, way in enumerate(ways):
        outcomes = found[way.name] = []
        for number, golden in enumerate(questions):
            result = await library.search(
                scope,
                golden.question,
                limit=tuning.MOST,
                legs=way.legs,
                join=way.join,
                enriched=way.enriched,
                reworded=way.reworded,
                again=way.again,
            )
            outcomes.append(outcome(golden, result))
            bar.show(place * len(questions) + number + 1, len(ways) * len(questions))
    return found


def _figures(tried: Mapping[str, Sequence[Outcome]], _: Words) -> None:
    usual = tried[_USUAL.name]
    names = tuning.SEARCHED
    rows = []
    for name, outcomes in tried.items():
        figures = tuning.searched(outcomes)
        gain = None if outcomes is usual else tuning.compared(usual, outcomes)
        better = "" if gain is None else points(gain)
        rows.append([_(name), *(_cell(figures.get(own)) for own in names), better])
    output.table(rows, (_("searched"), *names, _("against the first")))


def _cell(figure: Figure | None) -> str:
    return "" if figure is None else f"{figure.value:.2f} ({figure.low:.2f}–{figure.high:.2f})"


def _told(
    tried: Mapping[str, Sequence[Outcome]],
    advice: Advice,
    threshold: float,
    passages: int,
    chosen: Mapping[str, tuple[bool, Verdict]],
) -> dict[str, object]:
    usual = tried[_USUAL.name]
    now = measured(usual, threshold)
    return {
        "questions": len(usual),
        "threshold": threshold,
        "passages": passages,
        "refused_rightly": now.refused_rightly,
        "refused_wrongly": now.refused_wrongly,
        "ways": [
            {
                "name": name,
                **{
                    figure.name: [round(own, 4) for own in (figure.value, figure.low, figure.high)]
                    for figure in tuning.searched(outcomes).values()
                },
            }
            for name, outcomes in tried.items()
        ],
        "suggested": {"threshold": advice.threshold, "passages": advice.passages},
        "switches": {
            key: {"on": is_on, "helps": helps.is_proven}
            | {
                name: gain and [round(own, 4) for own in (gain.value, gain.low, gain.high)]
                for name, gain in (("ranking", helps.ranking), ("refusing", helps.refusing))
            }
            for key, (is_on, helps) in chosen.items()
        },
        "curve": [
            {"threshold": at.threshold, "kept": at.kept, "refused": at.refused}
            for at in tuning.curve(usual)
        ],
    }
