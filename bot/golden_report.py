"""Figures of golden questions as a person reads them in the shell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot import output
from bot.golden_runs import Run
from core.counts import questions_of
from core.golden_figures import WHOLE, Figure, called
from core.language import Words

_KINDS: Final = ("hit@1", "answer", "citation", "refusal recall", "language", "seconds")


def show(run: Run, earlier: Run | None, _: Words) -> None:
    """Print all of it: every figure of all questions, then the main ones of each group."""
    output.say(
        _(
            "{questions} over {base}, answered by {engine}.",
            questions=questions_of(len(run.answered), _),
            base=run.base,
            engine=run.engine,
        )
    )
    failures = sum(one.failed for one in run.answered)
    if failures:
        output.say(_("{count} of them failed.", count=failures))
    titles = [_("figure"), _("value"), "95 %", _("questions")]
    before = {}
    if earlier is not None:
        before = {figure.name: figure for figure in earlier.groups[WHOLE]}
        titles += [_("before"), ""]
    rows = [_row(figure, before, _, compares=earlier is not None) for figure in run.groups[WHOLE]]
    output.say()
    output.table(rows, titles)
    if earlier is not None:
        output.say(
            _("Before: {engine}, {at}. ▼ and ▲: worse or better than the intervals of both allow.",
              engine=earlier.engine, at=earlier.at)
        )  # fmt: skip
    output.say()
    titles = [_("questions"), "n", *(name.replace("_", " ") for name in _KINDS)]
    output.table(list(_groups(run)), titles)


def _row(figure: Figure, before: dict[str, Figure], _: Words, *, compares: bool) -> list[str]:
    row = [
        called(figure.name, _),
        f"{figure.value:.3f}",
        f"{figure.low:.3f}–{figure.high:.3f}",
        str(figure.count),
    ]
    if not compares:
        return row
    earlier = before.get(figure.name)
    if earlier is None:
        return [*row, "", ""]
    mark = "▼" if figure.fell_below(earlier) else "▲" if figure.rose_above(earlier) else ""
    return [*row, f"{earlier.value:.3f}", mark]


def _groups(run: Run) -> Iterator[list[str]]:
    for group, figures in run.groups.items():
        if group == WHOLE:
            continue
        by_name = {figure.name: figure for figure in figures}
        count = by_name["seconds"].count
        shown = [by_name.get(name) for name in _KINDS]
        yield [group, str(count), *("" if one is None else _with_interval(one) for one in shown)]


def _with_interval(figure: Figure) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f}–{figure.high:.2f})"
