"""Dashboard: how much is asked, how it ends, how long it takes, what it costs: over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import gradio as gr

from bot.adapters.web import markup
from bot.adapters.web.frame import Frame, words_for
from bot.adapters.web.overview import Overview, Overviews
from bot.adapters.web.parts import Parts
from core.hourly import COMPLETION, FIRST_WORD, OUTCOMES, PROMPT, REPLY, WAIT, percentile
from core.language import N_, Words

if TYPE_CHECKING:
    from pandas import DataFrame

_COLOURS: Final = ("#4f46e5", "#f59e0b", "#14b8a6", "#dc2626", "#9ca3af")
_TWO: Final = ("#4f46e5", "#14b8a6")
_VERDICTS: Final = ("#16a34a", "#dc2626", "#f59e0b")
_HEIGHT: Final = 300
_LABELS: Final = {
    "answered": N_("answered"),
    "refused": N_("refused"),
    "unsaid": N_("not said there"),
    "failed": N_("failed"),
    "stopped": N_("stopped"),
}


@dataclass(frozen=True, slots=True)
class DashboardPage:
    """The components that behaviour is attached to."""

    span: gr.Radio
    totals: gr.HTML
    questions: gr.BarPlot
    latency: gr.LinePlot
    tokens: gr.BarPlot
    waits: gr.LinePlot
    feedback: gr.BarPlot
    spent: gr.BarPlot


def build(frame: Frame, parts: Parts) -> None:
    """The page at `/dashboard`."""
    if parts.overviews is None:
        return
    label = frame.label
    with gr.Row(elem_id="content"):
        span = gr.Radio(
            [
                (label(N_("a day")), "day"),
                (label(N_("a week")), "week"),
                (label(N_("a month")), "month"),
            ],
            value="week",
            label=label(N_("The last")),
            elem_id="span",
            scale=4,
        )
        renew = gr.Button(label(N_("Look again")), size="sm", min_width=110, elem_id="renew")
    totals = gr.HTML(elem_id="totals")
    with gr.Row():
        questions = _bars(frame, N_("Questions"), "questions")
        latency = _lines(frame, N_("Seconds to answer"), "latency")
    with gr.Row():
        tokens = _bars(frame, N_("Tokens"), "tokens")
        waits = _lines(frame, N_("Seconds in the queue"), "waits")
    with gr.Row():
        feedback = _bars(frame, N_("Feedback and gaps"), "feedback")
        spent = _bars(frame, N_("Spent"), "spent")
    page = DashboardPage(span, totals, questions, latency, tokens, waits, feedback, spent)
    looks = _Looks(page, parts.overviews)
    shown = [totals, questions, latency, tokens, waits, feedback, spent]
    frame.opened(looks.shown, [span], shown)
    frame.on([span.input, renew.click], looks.shown, [span], shown)


def _bars(frame: Frame, title: str, own_id: str) -> gr.BarPlot:
    return gr.BarPlot(
        x="time",
        y="amount",
        color="kind",
        label=frame.label(title),
        show_label=True,
        x_title=" ",
        y_title=" ",
        color_title=" ",
        height=_HEIGHT,
        elem_id=own_id,
        buttons=[],
    )


def _lines(frame: Frame, title: str, own_id: str) -> gr.LinePlot:
    return gr.LinePlot(
        x="time",
        y="seconds",
        color="kind",
        label=frame.label(title),
        show_label=True,
        x_title=" ",
        y_title=" ",
        color_title=" ",
        height=_HEIGHT,
        elem_id=own_id,
        buttons=[],
    )


class _Looks:
    """The page's behaviour."""

    def __init__(self, page: DashboardPage, overviews: Overviews) -> None:
        self._page = page
        self._overviews = overviews

    async def shown(self, span: str, request: gr.Request) -> dict[object, object]:
        page, _ = self._page, words_for(request)
        found = await self._overviews.of(span)
        outcomes = [(key, _(label)) for key, label in _LABELS.items()]
        return {
            page.totals: _totals(found, _),
            page.questions: _plot(_counts(found, outcomes), [n for _k, n in outcomes], _COLOURS),
            page.latency: _plot(
                _times(
                    found,
                    [
                        (FIRST_WORD, 0.5, _("first word, half of all")),
                        (REPLY, 0.5, _("whole answer, half of all")),
                        (REPLY, 0.95, _("whole answer, 95 %")),
                    ],
                ),
                [],
                (),
            ),
            page.tokens: _plot(
                _counts(found, [(PROMPT, _("read")), (COMPLETION, _("written"))]),
                [_("read"), _("written")],
                _TWO,
            ),
            page.waits: _plot(
                _times(found, [(WAIT, 0.5, _("half of all")), (WAIT, 0.95, "95 %")]), [], ()
            ),
            page.feedback: _plot(
                _frame(
                    [
                        *_marks(found.liked, _("liked")),
                        *_marks(found.disliked, _("disliked")),
                        *_marks(found.gaps, _("gaps")),
                    ],
                    "amount",
                ),
                [_("liked"), _("disliked"), _("gaps")],
                _VERDICTS,
            ),
            page.spent: gr.update(
                visible=bool(found.spent),
                value=_frame(
                    [
                        (datetime.fromisoformat(day), amount, _("Spent"))
                        for day, amount in found.spent.items()
                    ],
                    "amount",
                ),
            ),
        }


def _plot(value: DataFrame, kinds: list[str], colours: tuple[str, ...]) -> object:
    if not kinds:
        return gr.update(value=value)
    return gr.update(value=value, color_map=dict(zip(kinds, colours, strict=False)))


def _frame(rows: Iterable[tuple[datetime, float, str]], column: str) -> DataFrame:
    from pandas import DataFrame

    listed = list(rows)
    return DataFrame(
        {
            "time": [at for at, _value, _kind in listed],
            column: [value for _at, value, _kind in listed],
            "kind": [kind for _at, _value, kind in listed],
        }
    )


def _when(seconds: int) -> datetime:
    # Plots show times as they are given: those of the machine that the console runs on.
    return datetime.fromtimestamp(seconds)  # noqa: DTZ006


def _marks(amounts: Mapping[int, int], kind: str) -> list[tuple[datetime, float, str]]:
    return [(_when(start), amount, kind) for start, amount in sorted(amounts.items()) if amount]


def _counts(found: Overview, figures: list[tuple[str, str]]) -> DataFrame:
    return _frame(
        (
            (_when(period.begins_at), period.amounts.get(figure, 0), kind)
            for period in found.periods
            for figure, kind in figures
        ),
        "amount",
    )


def _times(found: Overview, figures: list[tuple[str, float, str]]) -> DataFrame:
    rows = []
    for period in found.periods:
        for figure, part, kind in figures:
            seconds = period.percentile(figure, part)
            if seconds is not None:
                rows.append((_when(period.begins_at), round(seconds, 3), kind))
    return _frame(rows, "seconds")


def _totals(found: Overview, _: Words) -> str:
    sums = {key: sum(own.amounts.get(key, 0) for own in found.periods) for key in OUTCOMES}
    replies: dict[int, int] = {}
    for period in found.periods:
        for bucket, count in period.times.get(REPLY, {}).items():
            replies[bucket] = replies.get(bucket, 0) + count
    half, most = percentile(replies, 0.5), percentile(replies, 0.95)
    tokens = sum(
        own.amounts.get(PROMPT, 0) + own.amounts.get(COMPLETION, 0) for own in found.periods
    )
    busy = sum(load.busy for load in found.loads.values())
    waiting = sum(load.waiting + load.waiting_in_background for load in found.loads.values())
    facts = [
        (_("questions"), f"{sum(sums.values()):,}"),
        (_("answered"), f"{sums['answered']:,}"),
        (_("refused"), f"{sums['refused']:,}"),
        (_("not said there"), f"{sums['unsaid']:,}"),
        (_("failed"), f"{sums['failed']:,}"),
        (_("half within"), "–" if half is None else f"{half:.1f} s"),
        (_("95 % within"), "–" if most is None else f"{most:.1f} s"),
        (_("tokens"), f"{tokens:,}"),
        (_("now: answering / waiting"), f"{busy} / {waiting}"),
        (_("liked / disliked"), f"{sum(found.liked.values())} / {sum(found.disliked.values())}"),
        (_("gaps"), f"{sum(found.gaps.values()):,}"),
    ]
    if found.spent:
        facts.append((_("Spent"), f"{sum(found.spent.values()):.2f}"))
    cards = "".join(
        f"<div><dt>{markup.plain(name)}</dt><dd>{markup.plain(value)}</dd></div>"
        for name, value in facts
    )
    return f'<dl class="totals">{cards}</dl>'
