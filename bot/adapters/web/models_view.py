"""The Models page's parts as HTML in which nothing of others can act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.adapters.web.knowledge_view import button
from bot.adapters.web.markup import plain
from bot.adapters.web.modelling import EngineRow, ModelRow, PlanRow, Pulling
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
            "{used} of {budget} GiB on {device}: {slots} answers at once, {context} tokens each.",
            used=f"{used / _GIB:.1f}",
            budget=f"{row.budget / _GIB:.1f}",
            device=row.device,
            slots=row.slots,
            context=row.context,
        )
        shown += (
            f'<div class="plan">{head}<p class="note">{plain(told)}</p>'
            f'<div class="bars">{bars}</div><ul class="keys">{keys}</ul>{remark}</div>'
        )
    return shown


def models(rows: Sequence[ModelRow], doubted: str, _: Words) -> str:
    """What is on the disk and what can be had; `doubted` is asked about before it goes."""
    lines = ""
    for row in rows:
        acts = ""
        if row.is_here and row.name == doubted:
            acts += f"<span>{plain(_('Delete its files?'))}</span> "
            acts += button("remove-sure", _("Delete"), row.name, kind="changes danger")
            acts += button("keep", _("Cancel"), row.name, kind="changes")
        elif row.is_here:
            acts += button("verify", _("Check"), row.name, kind="changes", about=row.name)
            acts += button("remove", _("Delete"), row.name, kind="changes", about=row.name)
        else:
            acts += button("pull", _("Fetch"), row.name, kind="changes", about=row.name)
        here = f" <small>{plain(_('here'))}</small>" if row.is_here else ""
        aim = f" <mark>{plain(row.good_for)}</mark>" if row.good_for else ""
        kind = "done" if row.is_here else "waiting"
        lines += (
            f'<li class="{kind}"><b>{plain(row.name)}</b>{here}{aim}'
            f'<p class="note">{plain(" · ".join(row.facts))}</p>{acts}</li>'
        )
    head = f"<h3>{plain(_('On the disk, and to be had'))}</h3>"
    return f'{head}<ul class="jobs">{lines}</ul>'


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
