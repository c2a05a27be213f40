"""Who answers where an engine does not: the next one that may, and quotations at last."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace

from core.engines.choice import Course
from core.engines.queued import QueuedEngine
from core.errors import (
    EngineBrokeOffError,
    EngineError,
    EngineRateLimitedError,
    EngineRefusedError,
    EngineUnavailableError,
    QueueFullError,
)
from core.explain import explain
from core.inert import inert
from core.replies import Notice, ReplyEvent
from core.speech import Speech

_log = logging.getLogger(__name__)


async def relayed(
    course: Course, quoting: QueuedEngine | None, speech: Speech
) -> AsyncGenerator[ReplyEvent, None]:
    """The words of the first engine that answers, with a remark on those that did not.

    `quoting` answers last; None where there is nothing to quote: the failure is raised then.

    Once words are shown, nobody else goes on with them: what was said stays, and the failure is
    raised. A full queue is no failure of its engine: whoever waits there is told so.
    """
    failure: EngineError | None = None
    for served in _writers(course, speech):
        try:
            async with aclosing(_tried(served, failure, speech)) as events:
                async for event in events:
                    yield event
        except QueueFullError as error:
            if failure is None:
                raise
            _log.info("who should stand in for an engine has no room: %r", error)
        except EngineError as error:
            if speech.answer.text:
                raise _in_the_middle(error) from error
            _log.warning("an engine did not answer: %r", error)
            # The one that was chosen is the one that people know.
            failure = failure or error
        else:
            return
    if failure is None:
        return
    async with aclosing(_quoted(failure, quoting, speech)) as events:
        async for event in events:
            yield event


async def _tried(
    served: QueuedEngine, failure: EngineError | None, speech: Speech
) -> AsyncGenerator[ReplyEvent, None]:
    """Its words, and for whom it stands in: not before them, as it may be gone, too."""
    remark = None if failure is None else _remark(failure, served, speech)
    async with aclosing(speech.spoken_by(served)) as events:
        async for event in events:
            if remark is not None:
                yield remark
                remark = None
            yield event


async def _quoted(
    failure: EngineError, quoting: QueuedEngine | None, speech: Speech
) -> AsyncGenerator[ReplyEvent, None]:
    if quoting is None:
        raise failure
    _ = speech.words
    until = _("Until then, these are quotations from the documents.")
    yield Notice(f"{explain(failure, _) or ''} {until}".strip())
    async with aclosing(speech.spoken_by(quoting)) as events:
        async for event in events:
            yield event


def _writers(course: Course, speech: Speech) -> Iterator[QueuedEngine]:
    """The first one, and those behind it that write answers of their own in this language."""
    yield course.first
    whole = speech.draft
    for served in course.engines[1:]:
        engine = served.engine
        if engine.quotes or not engine.trusted:
            continue
        if engine.languages is not None and speech.draft.language not in engine.languages:
            continue
        blind = bool(whole.images) and not engine.accepts_images
        if blind and not whole.passages:
            continue
        speech.draft = replace(whole, images=()) if blind else whole
        yield served


def _remark(failure: EngineError, served: QueuedEngine, speech: Speech) -> Notice:
    _ = speech.words
    reason = explain(failure, _) or ""
    name = inert(served.engine.name)
    if isinstance(failure, EngineUnavailableError):
        return Notice(
            _("The model {engine} does not answer; {other} answers.",
              engine=inert(failure.engine), other=name)
        )  # fmt: skip
    return Notice(reason + " " + _("Now {engine} answers.", engine=name))


def _in_the_middle(error: EngineError) -> EngineError:
    """What came to nothing after the first word reads otherwise than before it."""
    if isinstance(error, EngineUnavailableError | EngineRefusedError | EngineRateLimitedError):
        return EngineBrokeOffError(error.engine)
    return error
