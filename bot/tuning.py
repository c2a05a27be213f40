"""`kb tune`: what searches do on questions whose answers are known, and what suits them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot import output
from bot.evaluating import golden_of
from bot.golden_exporting import judged_about
from bot.parts import open_library
from bot.process import WRONG_USAGE
from bot.progress import CountBar
from bot.settings import Config
from bot.titles import find_called
from bot.wording import own_words
from core import tuning
from core.access import SAMPLES
from core.commands.tuning import advice_lines, points, unknown_lines
from core.golden import Golden, Outcome, measured, outcome
from core.golden_figures import Figure
from core.language import N_, Words
from core.tuning import Advice, Gain, Verdict
from knowledge_base.library import Library
from knowledge_base.models import BaseId, Legs, Scope

_JOINED: Final = 1500
_UNHURRIED_MS: Final = 60_000
"""For a close look at what one question found."""


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

_AS_SET: Final = _Way(N_("as it is set now"), Legs.BOTH)
_AGAIN: Final = _Way(
    N_("both ways, and a second look by the reranker"), Legs.BOTH, again=True, key="reranker"
)


async def tune(config: Config, base: str, file: Path | None, as_json: bool) -> int:
    """Search for every question each way; tell figures, and what helps beyond noise."""
    _ = own_words(config)
    if config.retrieval.close_look_ms:
        # What one way has read would else serve the next, which would look better for it.
        unhurried = replace(config.retrieval, close_look_ms=_UNHURRIED_MS)
        config = replace(config, retrieval=unhurried)
    async with open_library(config) as library:
        found = await find_called(config, library, base, _)
        documents = frozenset(own.name for own in await library.documents(found.base_id))
        questions = await _questions(config, found.name, documents, file)
        if not questions:
            output.tell(_how(found.name, _))
            return WRONG_USAGE
        for line in unknown_lines(questions, documents, _):
            output.tell(line)
        ways, now = await _ways(config, library, found.base_id)
        with CountBar(_("questions"), quiet=as_json) as bar:
            scope = Scope(frozenset({found.base_id}))
            tried = await _tried(library, scope, questions, ways, bar)
    held = config.knowledge.relevance_threshold
    passages = config.chat.passages
    outcomes = tried[now.name]
    advice = tuning.advised(outcomes, held, passages)
    chosen = _chosen(config, ways, tried)
    if as_json:
        output.emit(_told(tried, now, advice, held, passages, chosen))
        return 0
    _figures(tried, _)
    output.say()
    output.say(_("By threshold: # answered, = refused rightly; * holds now, > would suit better"))
    output.say(tuning.plotted(tuning.curve(outcomes), held, advice.threshold))
    output.say()
    for line in advice_lines(advice, _):
        output.say(line)
    for key, (is_on, helps) in chosen.items():
        output.say(_switch_line(key, is_on, helps, _))
    for line in _settings(advice, chosen, _):
        output.say(line)
    return 0


async def _questions(
    config: Config, base: str, documents: frozenset[str], file: Path | None
) -> Sequence[Golden]:
    """Those of the file; without one the shipped ones of the samples, and of another base what
    people thought of its answers."""
    if file is None and base != SAMPLES:
        return await judged_about(config, documents)
    # What is asked within a conversation is no search by itself.
    return [own for own in await asyncio.to_thread(golden_of, file) if not own.turns]


def _how(base: str, _: Words) -> str:
    return _(
        "Nobody has judged answers from {base} that still hold. Name a file of questions, one a "
        "line: `question | document | words of the answer`, and `question | -` where the documents "
        "do not say it.",
        base=base,
    )


async def _ways(config: Config, library: Library, base_id: BaseId) -> tuple[list[_Way], _Way]:
    """The plain one first, which all others are held against; and how the bot searches now."""
    ways = [_USUAL, *(_OTHERS if library.embeds else _OTHERS[1:2])]
    if (await library.enrichment.progress(base_id)).texts:
        ways.append(_ENRICHED)
    if library.reranker_name is not None:
        ways.append(_AGAIN)
    switched = config.retrieval
    now = replace(
        _AS_SET,
        enriched=switched.enrichment,
        reworded=switched.reword,
        again=library.reranker_name is not None,
    )
    same = next((way for way in ways if replace(way, name=now.name, key="") == now), None)
    return (ways, same) if same else ([*ways, now], now)


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


def _switch_line(key: str, is_on: bool, helps: Verdict, _: Words) -> str:
    """What a way of searching that can be switched on is good for."""
    facts = {"key": f"[retrieval] {key}", "gain": points(helps.ranking) if helps.ranking else "–"}
    if helps.ranks_better and helps.refusing is not None and helps.refuses_worse:
        facts["refusing"] = points(helps.refusing)
        if is_on:
            return _("{key}: ranks better ({gain}), but answers and refuses less rightly "
                     "({refusing}): switch it off.", **facts)  # fmt: skip
        return _("{key}: ranks better ({gain}), but answers and refuses less rightly "
                 "({refusing}): it stays off.", **facts)  # fmt: skip
    match is_on, helps.is_proven:
        case False, True:
            return _(
                "{key}: helps beyond noise ({gain}) and refuses no worse: switch it on.", **facts
            )
        case True, True:
            return _("{key}: helps beyond noise ({gain}): it is rightly on.", **facts)
        case True, False:
            return _("{key}: no help beyond noise ({gain}): switch it off.", **facts)
        case _:
            return _("{key}: no help beyond noise ({gain}): it stays off.", **facts)


def _settings(
    advice: Advice, chosen: Mapping[str, tuple[bool, Verdict]], _: Words
) -> Iterator[str]:
    """What is suggested as it stands in the configuration: each table once."""
    knowledge, retrieval = {}, {}
    if advice.threshold is not None:
        knowledge["relevance_threshold"] = f"{advice.threshold:g}"
    if advice.passages is not None:
        knowledge["passages"] = str(advice.passages)
    for key, (is_on, helps) in chosen.items():
        if is_on != helps.is_proven:
            off = '""' if key == _AGAIN.key else "false"
            retrieval[key] = "true" if helps.is_proven else off
    if knowledge or retrieval:
        yield ""
        yield _("In config.toml:")
    for table, values in (("knowledge", knowledge), ("retrieval", retrieval)):
        if values:
            yield f"[{table}]"
            yield from (f"{key} = {value}" for key, value in values.items())


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
    way: _Way,
    advice: Advice,
    threshold: float,
    passages: int,
    chosen: Mapping[str, tuple[bool, Verdict]],
) -> dict[str, object]:
    usual = tried[way.name]
    now = measured(usual, threshold)
    return {
        "questions": len(usual),
        "searched": way.name,
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
        "gains": {
            "threshold": _interval(advice.threshold_gain),
            "passages": _interval(advice.passages_gain),
        },
        "switches": {
            key: {"on": is_on, "helps": helps.is_proven}
            | {
                name: _interval(gain)
                for name, gain in (("ranking", helps.ranking), ("refusing", helps.refusing))
            }
            for key, (is_on, helps) in chosen.items()
        },
        "curve": [
            {"threshold": at.threshold, "kept": at.kept, "refused": at.refused}
            for at in tuning.curve(usual)
        ],
    }


def _interval(gain: Gain | None) -> list[float] | None:
    return None if gain is None else [round(own, 4) for own in (gain.value, gain.low, gain.high)]
