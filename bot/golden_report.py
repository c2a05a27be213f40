"""Figures of golden questions as a person reads them in the shell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bot import output
from bot.golden_runs import Run
from core.counts import questions_of
from core.golden import Golden
from core.golden_figures import WHOLE, Answered, Figure, called
from core.language import N_, Words
from core.text import clip

_KINDS: Final = {
    "hit@1": N_("right first"),
    "answer": N_("right words"),
    "citation": N_("right place"),
    "refusal recall": N_("refused"),
    "language": N_("language"),
    "seconds": N_("seconds"),
}
"""The main figures, as heads of columns."""
_LONGEST: Final = 70
"""Characters of a question that are shown."""


def show(
    run: Run,
    earlier: Run | None,
    questions: Sequence[Golden],
    _: Words,
    *,
    beside: str | None = None,
) -> None:
    """Print all of it: every figure of all questions, the main ones of each group, and which
    questions went wrong. `beside`: what the earlier run is, where it is not the last one."""
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
        titles += [beside or _("before"), ""]
    rows = [_row(figure, before, _, compares=earlier is not None) for figure in run.groups[WHOLE]]
    output.say()
    output.table(rows, titles)
    if earlier is not None:
        output.say(
            _("{run}: {engine}, {at}. ▼ and ▲: worse or better than the intervals of both allow.",
              run=beside or _("before"), engine=earlier.engine, at=earlier.at)
        )  # fmt: skip
    output.say()
    titles = [_("questions"), "n", *(_(name) for name in _KINDS.values())]
    output.table(list(_groups(run)), titles)
    rows = list(_wrong(run, earlier, questions, _))
    if rows:
        output.say()
        titles = ["", _("question"), _("what went wrong")]
        output.table(rows, [*titles, beside or _("before")] if earlier else titles)


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
    counts: dict[str, int] = {}
    for group, figures in run.groups.items():
        if group == WHOLE:
            continue
        by_name = {figure.name: figure for figure in figures}
        count = counts[group] = by_name["seconds"].count
        if counts.get(group.rpartition(", ")[0]) == count:
            continue  # a kind that is asked in one language alone
        shown = [by_name.get(name) for name in _KINDS]
        yield [group, str(count), *("" if one is None else _with_interval(one) for one in shown)]


def _wrong(
    run: Run, earlier: Run | None, questions: Sequence[Golden], _: Words
) -> Iterator[list[str]]:
    """A row for each question that did not go as it should."""
    before = {one.golden_id: one for one in earlier.answered} if earlier else {}
    for golden, one in zip(questions, run.answered, strict=True):
        what = wrong(one)
        if what is None:
            continue
        row = [one.golden_id, clip(golden.question, _LONGEST), _(what)]
        if earlier is not None:
            was = before.get(one.golden_id)
            told = None if was is None else wrong(was) or N_("right")
            row.append("" if told is None else _(told))
        yield row


def wrong(one: Answered) -> str | None:
    """What is worst about an answer, still to be translated; None: it is as it should be."""
    told = (
        (one.failed, N_("it failed")),
        (one.answerable and one.refused, N_("refused, although there is an answer")),
        (not one.answerable and not one.refused, N_("answered, although there is no answer")),
        (one.answerable and one.rank is None, N_("the right passage was not found")),
        (one.held is False, N_("none of the expected words")),
        (one.answerable and one.cited is not True, N_("the right place is not cited")),
        (not one.in_language, N_("in another language than the question")),
    )
    return next((what for is_so, what in told if is_so), None)


def _with_interval(figure: Figure) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f}–{figure.high:.2f})"
