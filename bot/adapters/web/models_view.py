"""The Models page's parts as HTML in which nothing of others can act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from bot.adapters.web.knowledge_view import button
from bot.adapters.web.markup import plain
from bot.adapters.web.modelling import EmbedderRow, EngineRow, ModelRow, PlanRow, Pulling
from core.counts import answers_at_once
from core.language import N_, Words

_STATES: Final = {
    "ready": N_("ready"),
    "asleep": N_("not loaded: the next question loads it"),
    "off": N_("cannot be loaded; it is tried again later"),
}
_ENDS: Final = {
    "done": N_("is here"),
    "failed": N_("was not fetched"),
    "cancelled": N_("was stopped; fetching it again goes on where it was"),
}
_GIB: Final = 1024**3
Asked: TypeAlias = tuple[str, str]
"""What was pressed, and for which model, that has to be pressed once more."""


def engines(rows: Sequence[EngineRow], _: Words) -> str:
    """What questions go to, and what can be done with each."""
    lines = ""
    head = f"<h3>{plain(_('Answering'))}</h3>"
    for row in rows:
        busy = _("{busy} of {slots} at work, {waiting} waiting", busy=row.busy, slots=row.slots,
                 waiting=row.waiting)  # fmt: skip
        acts = ""
        if row.changeable and row.state == "ready":
            acts += button("reload", _("Load anew"), row.name, kind="changes", about=row.name)
            acts += button("unload", _("Unload"), row.name, kind="changes", about=row.name)
        elif row.changeable:
            acts += button("load", _("Load"), row.name, kind="changes", about=row.name)
        lines += (
            f'<li class="{"done" if row.state == "ready" else "waiting"}"><b>{plain(row.name)}</b> '
            f"<small>{plain(row.place)}</small> <span>{plain(_(_STATES[row.state]))}</span>"
            f'<p class="note">{plain(busy)}</p>{acts}</li>'
        )
    return f'{head}<ul class="jobs">{lines}</ul>'


def plan(rows: Sequence[PlanRow], machine: str, _: Words) -> str:
    """What takes how much of which memory."""
    shown = f'<h3>{plain(_("Memory"))}</h3><p class="note">{plain(machine)}</p>'
    for row in rows:
        head = f"<b>{plain(row.section)}</b> <small>{plain(row.model)}</small>"
        remark = f"<p>{plain(row.remark)}</p>" if row.remark else ""
        if not row.parts:
            shown += f'<div class="plan">{head}{remark}</div>'
            continue
        used = sum(size for _name, size in row.parts)
        whole = max(used, row.budget, 1)
        bars = "".join(
            f'<span class="bar part{n % 5}" style="width:{size / whole:.2%}"></span>'
            for n, (_name, size) in enumerate(row.parts)
        )
        keys = "".join(
            f'<li><i class="part{n % 5}"></i>{plain(name)} {size / _GIB:.2f} GiB</li>'
            for n, (name, size) in enumerate(row.parts)
        )
        told = _(
            "{used} of {budget} GiB on {device}: {slots}, {context} tokens each.",
            used=f"{used / _GIB:.1f}",
            budget=f"{row.budget / _GIB:.1f}",
            device=row.device,
            slots=answers_at_once(row.slots, _),
            context=row.context,
        )
        shown += (
            f'<div class="plan">{head}<p class="note">{plain(told)}</p>'
            f'<div class="bars">{bars}</div><ul class="keys">{keys}</ul>{remark}</div>'
        )
    return shown


def models(rows: Sequence[ModelRow], asked: Asked, _: Words) -> str:
    """What is on the disk and what can be had; `asked` is what has to be pressed once more."""
    lines = ""
    for row in rows:
        acts = _fetching(row.name, asked, _, is_here=row.is_here, removable=True)
        if row.is_here and row.usable and not row.answers:
            acts = _using("use", row.name, asked, _) + acts
        here = _("answers") if row.answers else _("here") if row.is_here else ""
        lines += _model(row.name, here, row.good_for, row.facts, acts)
    head = f"<h3>{plain(_('On the disk, and to be had'))}</h3>"
    return f'{head}<ul class="jobs">{lines}</ul>'


def embedders(rows: Sequence[EmbedderRow], asked: Asked, _: Words) -> str:
    """What makes the vectors that are searched, and what else could."""
    lines = ""
    for row in rows:
        acts = _fetching(row.name, asked, _, is_here=row.is_here, removable=row.removable)
        if row.is_here and row.usable and not row.embeds:
            acts = _using("embed", row.name, asked, _) + acts
        here = _("makes the vectors") if row.embeds else _("here") if row.is_here else ""
        lines += _model(row.name, here, row.good_for, row.facts, acts)
    return f'<h3>{plain(_("Embedding models"))}</h3><ul class="jobs">{lines}</ul>'


def _model(name: str, here: str, good_for: str, facts: Sequence[str], acts: str) -> str:
    state = f" <small>{plain(here)}</small>" if here else ""
    aim = f" <mark>{plain(good_for)}</mark>" if good_for else ""
    told = plain(" · ".join(fact for fact in facts if fact))
    return (
        f'<li class="{"done" if here else "waiting"}"><b>{plain(name)}</b>{state}{aim}'
        f'<p class="note">{told}</p>{acts}</li>'
    )


def _fetching(name: str, asked: Asked, _: Words, *, is_here: bool, removable: bool) -> str:
    """What can be done with its files."""
    if not is_here:
        return button("pull", _("Fetch"), name, kind="changes", about=name)
    if not removable:
        return ""
    if asked == ("remove", name):
        return (
            f"<span>{plain(_('Delete its files?'))}</span> "
            + button("remove-sure", _("Delete"), name, kind="changes danger")
            + button("keep", _("Cancel"), name, kind="changes")
        )
    return button("verify", _("Check"), name, kind="changes", about=name) + button(
        "remove", _("Delete"), name, kind="changes", about=name
    )


def _using(act: str, name: str, asked: Asked, _: Words) -> str:
    """What puts it into the configuration."""
    if asked != (act, name):
        return button(act, _("Use"), name, kind="changes good", about=name)
    told = _("Write it into the configuration? The file as it is now is kept beside it.")
    return (
        f"<span>{plain(told)}</span> "
        + button(f"{act}-sure", _("Write"), name, kind="changes good")
        + button("keep", _("Cancel"), name, kind="changes")
        + " "
    )


def pulls(rows: Sequence[Pulling], _: Words) -> str:
    """What is on its way here."""
    lines = ""
    for row in rows:
        if row.state == "working":
            share = f' max="{row.total}" value="{min(row.done, row.total)}"' if row.total else ""
            told = f"{row.done / 1e9:.2f} / {row.total / 1e9:.2f} GB" if row.total else "…"
            label = plain(row.name)
            body = f'{told}<progress{share} aria-label="{label}"></progress>'
            body += button("cancel", _("Stop"), row.name, kind="changes", about=row.name)
        else:
            body = plain(_(_ENDS[row.state]))
            body += f"<p>{plain(row.told)}</p>" if row.told else ""
        lines += f'<li class="{row.state}"><b>{plain(row.name)}</b> {body}</li>'
    return f'<ul class="jobs" role="status">{lines}</ul>' if lines else ""
