"""`/kb tune`: which threshold and how many passages suit this place, and one press to take them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Final

from core import tuning
from core.channel_settings import setting_named
from core.commands.base import CommandContext, Replies
from core.commands.choosing import choose
from core.commands.confirming import ask_first
from core.errors import BadQuestionError
from core.feedback import searchable
from core.golden import BadGoldenError, Golden, Outcome, outcome, read, unknown
from core.golden_figures import called
from core.inert import inert
from core.language import Words
from core.replies import TextDelta
from core.tuning import Advice, Gain
from knowledge_base.models import Legs, Scope

TAKEN: Final = ("threshold", "passages")
"""What a suggestion consists of: settings of a channel."""
_MOST: Final = 100
_BREAK: Final = ";;"
"""Between questions where a line cannot be broken."""
_WIDTH: Final = 10
_NAMED: Final = 5
"""Documents that are told by name."""


async def tune(context: CommandContext) -> Replies:
    """Search for questions whose answers are known, and suggest what helps beyond noise.

    Raises `BadQuestionError` for what is no such question.
    """
    _ = context.words
    if context.confirmed:
        for name in TAKEN:
            if value := context.text(name):
                yield TextDelta(await choose(context, setting_named(name), value) + "\n")
        return
    scope = await context.resources.access.scope_of(context.message)
    documents = await _documents(context, scope)
    questions, typed = await _questions(context, documents)
    if not questions:
        yield TextDelta(_how(_))
        return
    outcomes, threshold = await _searched(context, scope, questions)
    passages = context.settings.passages or context.resources.passages
    advice = tuning.advised(outcomes, threshold, passages)
    told = "\n".join([
        *_left_out(typed, _),
        *unknown_lines(questions, documents, _),
        _told(outcomes, advice, threshold, _),
    ])  # fmt: skip
    if advice.empty:
        yield TextDelta(told)
        return
    taken = {
        "threshold": "" if advice.threshold is None else f"{advice.threshold:g}",
        "passages": "" if advice.passages is None else str(advice.passages),
    }
    for event in await ask_first(context, told, _("Take it"), taken, destroys=False):
        yield event


def advice_lines(advice: Advice, _: Words) -> list[str]:
    """What is suggested, in words, or why nothing is."""
    lines = []
    if advice.threshold_gain is None:
        lines.append(
            _("For a threshold, {count} questions with an answer and {count} without one are "
              "needed.", count=tuning.LEAST)
        )  # fmt: skip
    elif advice.threshold is None:
        lines.append(
            _("No other threshold helps beyond noise: {gain} right decisions.",
              gain=points(advice.threshold_gain))
        )  # fmt: skip
    else:
        lines.append(
            _("A threshold of {threshold:.2f} would suit better: {gain} right decisions.",
              threshold=advice.threshold, gain=points(advice.threshold_gain))
        )  # fmt: skip
    if advice.passages is not None and advice.passages_gain is not None:
        lines.append(
            _.plural(
                "{count} passage would hold the answer more often: {gain} of the questions.",
                "{count} passages would hold the answer more often: {gain} of the questions.",
                advice.passages,
                gain=points(advice.passages_gain),
            )
        )
    elif advice.passages_gain is not None:
        lines.append(_("More passages help no more than chance would."))
    return lines


def points(gain: Gain) -> str:
    """A difference in points of a hundred, with its interval."""
    return f"{gain.value * 100:+.1f} % ({gain.low * 100:+.1f} … {gain.high * 100:+.1f})"


def unknown_lines(
    questions: Sequence[Golden], documents: Container[str], _: Words
) -> Iterator[str]:
    """A line where questions name documents that are not there."""
    names = unknown(questions, documents)
    if names:
        shown = _(", ").join(inert(name) for name in names[:_NAMED]) + (
            " …" if len(names) > _NAMED else ""
        )
        yield _("Not found here, as no document is called so: {names}", names=shown)


async def _documents(context: CommandContext, scope: Scope) -> frozenset[str]:
    """Names of what can be found here."""
    library = context.resources.library
    return frozenset([
        document.name for base in scope.bases for document in await library.documents(base)
    ])  # fmt: skip


def _left_out(typed: int, _: Words) -> Iterator[str]:
    """A line where more was typed than is asked."""
    if typed > _MOST:
        yield _(
            "Of {count}, only the first {most} were asked: no more are taken here. "
            "`python -m bot kb tune` takes all of a file.",
            most=_MOST, count=typed,
        )  # fmt: skip


async def _questions(
    context: CommandContext, documents: Container[str]
) -> tuple[tuple[Golden, ...], int]:
    """Those that were typed, and how many they were; else what people thought of answers here."""
    typed = context.text("questions").replace("；；", _BREAK).replace(_BREAK, "\n")
    if typed:
        try:
            # What is asked within a conversation is no search by itself.
            questions = tuple(golden for golden in read(typed) if not golden.turns)
        except BadGoldenError as error:
            raise BadQuestionError(error.line) from error
        return questions[:_MOST], len(questions)
    feedback = context.resources.feedback
    if feedback is None:
        return (), 0
    judged = await feedback.given_in(context.message.conversation.channel)
    return searchable(judged, documents)[-_MOST:], 0


async def _searched(
    context: CommandContext, scope: Scope, questions: tuple[Golden, ...]
) -> tuple[list[Outcome], float]:
    """What a search does on each, and the threshold that holds here."""
    library = context.resources.library
    outcomes: list[Outcome] = []
    threshold = 0.0
    for golden in questions:
        result = await library.search(
            scope,
            golden.question,
            limit=tuning.MOST,
            legs=Legs.BOTH if context.embeds else Legs.LEXICAL,
            threshold=context.settings.threshold,
        )
        threshold = result.threshold
        outcomes.append(outcome(golden, result))
    return outcomes, threshold


def _told(outcomes: list[Outcome], advice: Advice, threshold: float, _: Words) -> str:
    figures = tuning.searched(outcomes).values()
    rows = [
        f"{one.value:.2f} ({one.low:.2f}–{one.high:.2f})  {called(one.name, _)}" for one in figures
    ]
    points_shown = tuning.curve(outcomes)[::2]
    plot = tuning.plotted(points_shown, threshold, advice.threshold, _WIDTH)
    legend = _("By threshold: # answered, = refused rightly; * holds now, > would suit better")
    asked = _.plural("{count} question.", "{count} questions.", len(outcomes))
    table = "\n".join(["```", *rows, "", plot, "```"])
    return "\n".join([asked, table, legend, "", *advice_lines(advice, _)])


def _how(_: Words) -> str:
    return _(
        "There is no feedback here to go by. Type questions, one a line (or `;;` between them): "
        "`question | document | words of the answer`, and `question | -` where the documents do "
        "not say it."
    )
