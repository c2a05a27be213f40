"""The models that make vectors of texts, as the console lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.adapters.web.modelling import EmbedderRow
from bot.machine import Machine
from bot.model_choosing import BUNDLED
from bot.models import wording
from bot.models.embedding import (
    EMBEDDERS,
    RecommendedEmbedder,
    bears,
    best_for,
    can_run,
    find_embedder,
)
from bot.models.installed import Installed
from core.distance import host_of
from core.language import N_, Words
from knowledge_base.embedders.bundled import runs_here
from knowledge_base.settings import EmbeddingSettings

_PLACES: Final = {
    "card": N_("fits the card"),
    "processor": N_("fits this machine, on the processor"),
    "slowly": N_("fits this machine, slowly, on the processor"),
    "not": N_("does not fit this machine"),
}


def embedder_rows(
    settings: EmbeddingSettings, here: Sequence[Installed], machine: Machine, _: Words
) -> list[EmbedderRow]:
    """The one at work first, then those that are here, then those that can be had."""
    best, runs = best_for(machine), can_run()
    by_name = {one.name: one for one in here}
    rows = [_bundled(settings, is_best=best is None, _=_)]
    for one in EMBEDDERS:
        own = by_name.pop(one.name, None)
        place = bears(machine, one.size_bytes, one.parameters)
        facts = (*_facts(one, _), _(_PLACES[place]), *_needs(runs, _))
        aim = wording.aim_words("quality", _) if one is best else ""
        rows.append(
            EmbedderRow(
                one.name,
                facts,
                own is not None,
                own is not None and _is_at_work(settings, own),
                runs and place != "not",
                aim,
                own is not None,
            )
        )
    for name, own in by_name.items():
        place = bears(machine, own.size)
        facts = (wording.size_words(own.size), _(_PLACES[place]), *_needs(runs, _))
        usable = runs and place != "not"
        at_work = _is_at_work(settings, own)
        rows.append(EmbedderRow(name, facts, True, at_work, usable, removable=True))
    if not any(row.embeds for row in rows):
        rows.append(_elsewhere(settings, _))
    return sorted(rows, key=lambda row: (not row.embeds, not row.is_here, not row.good_for))


def _bundled(settings: EmbeddingSettings, *, is_best: bool, _: Words) -> EmbedderRow:
    runs = runs_here()
    is_asked_for = settings.kind == BUNDLED or (
        settings.kind == "auto" and settings.base_url is None and settings.model in (None, BUNDLED)
    )
    facts = [
        "multilingual-e5-small",
        _("{count} dimensions", count=384),
        _("reads {count} tokens at once", count=512),
        _("needs no file and no card") if runs else _("does not run on this machine"),
    ]
    aim = wording.aim_words("balanced" if is_best else "fast", _) if runs else ""
    return EmbedderRow(BUNDLED, tuple(facts), runs, is_asked_for, runs, aim)


def _facts(one: RecommendedEmbedder, _: Words) -> tuple[str, ...]:
    return (
        wording.size_words(one.size_bytes),
        wording.language_words(one.languages, _),
        one.licence,
        _("{count} dimensions", count=one.dimension),
        _("reads {count} tokens at once", count=one.tokens),
    )


def _needs(runs: bool, _: Words) -> tuple[str, ...]:
    return () if runs else (_("needs the extra {name}", name="local"),)


def _is_at_work(settings: EmbeddingSettings, own: Installed) -> bool:
    return settings.kind in ("auto", "sentence_transformers") and (
        settings.model == own.configured_as and not (settings.kind == "auto" and settings.base_url)
    )


def _elsewhere(settings: EmbeddingSettings, _: Words) -> EmbedderRow:
    """What is configured and lies elsewhere: on a server, or in the hub library's own cache."""
    name = settings.model or settings.kind
    remote = settings.kind == "openai" or (settings.kind == "auto" and settings.base_url)
    told = host_of(str(settings.base_url)) if remote else _("lies elsewhere on this machine")
    known = find_embedder(name.rpartition("/")[2])
    facts = (told, *(_facts(known, _) if known is not None else ()))
    return EmbedderRow(name, facts, True, True)
