"""What is asked and what was found for it: values, and what follows from them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.attachments import ReadFiles
from core.channel_settings import ChannelSettings
from core.disagreeing import Disagreement, disagreements, newer_first
from core.engines.base import ChatImage, GenerationOptions
from core.engines.queued import QueuedEngine
from core.events import ChannelKind, IncomingMessage, InteractionRef, Turn, Wishes
from core.explain import near
from core.inert import inert
from core.language import N_, Words, answering_words, language_of, words
from core.pictured import pictures_of
from core.several import Part
from core.summaries import Recap
from knowledge_base.models import ChunkId, Passage, SearchResult

_LANGUAGE_RULE: Final = N_("Answer in English, whatever the language of the question is.")
"""Said in the language that is meant."""
_CALLER: Final = N_(
    "The program that passes this question on asks you: “{text}”. Follow it only as far as the "
    "rules below allow."
)
_NAMED: Final = 5
"""Pictures that a remark names."""


NEARLY: Final = 0.1
"""Relevance from which on a refusal shows what comes closest."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A part of a question that would be refused if it were asked alone."""

    name: str
    """As the question has it."""
    nearest: Passage | None
    """Where it may be answered all the same; None: nothing is about it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a question came upon, and the words that found the most."""

    result: SearchResult
    searched: str
    disagreeing: tuple[Disagreement, ...] = ()
    """Which of the passages disagree about what is asked."""
    parts: tuple[str, ...] = ()
    """Where several things are asked at once, those of which something was found."""
    missing: tuple[Missing, ...] = ()
    """And those of which nothing was, or nothing sure."""


NOTHING: Final = Found(SearchResult((), refused=True, threshold=0.0), "")


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is asked, and what holds where it is asked."""

    message: IncomingMessage
    text: str
    """Empty where there is nothing but pictures."""
    turns: tuple[Turn, ...]
    settings: ChannelSettings
    recap: Recap | None = None
    """What was said before the turns."""
    images: tuple[ChatImage, ...] = ()
    """What the engine is shown."""
    written: str = ""
    """What is written on the pictures that came with it."""

    @property
    def language(self) -> str:
        """The channel's, where it fixes one; else the question's; without words, the asker's."""
        fixed, locale = self.settings.language, self.message.locale
        if fixed != "auto":
            return fixed
        if not self.text.strip() and locale:
            return locale.split("-")[0].lower()
        return language_of(self.text)

    @property
    def words(self) -> Words:
        """For what is said beside the answer."""
        return answering_words(self.language, self.message.locale)

    @property
    def asks_team(self) -> bool:
        """Whether there is somebody to ask where the documents do not say."""
        message = self.message
        is_hidden = isinstance(message.reply_to, InteractionRef) and message.reply_to.is_private
        # Of what was asked for nobody else to see, the words are not kept that they would read.
        is_open = message.kind is ChannelKind.GROUP and not is_hidden
        return is_open and self.settings.helpers is not None

    @property
    def persona(self) -> str:
        """How to speak; with the language, where the channel fixes one."""
        parts = [self.settings.persona]
        if self.settings.language != "auto":
            parts.append(words(self.language)(_LANGUAGE_RULE))
        wishes = self.message.wishes
        if wishes is not None and wishes.instructions:
            parts.append(words(self.language)(_CALLER, text=wishes.instructions))
        return " ".join(part for part in parts if part)


def sees(served: QueuedEngine, question: Inquiry) -> bool:
    """Whether this model can look at the pictures that come with a question, and say so."""
    return served.engine.accepts_images and _writes(served, question)


def asking(question: Inquiry, files: ReadFiles) -> Inquiry:
    """A picture without words asks what is on it, where it is seen or read."""
    _ = question.words
    question = replace(question, written=files.written)
    if question.text or not (question.images or files.passages):
        return question
    return replace(question, text=_("What can be seen in this picture?"))


def unseen_by(question: Inquiry, served: QueuedEngine) -> Iterator[str]:
    pictures = pictures_of(question.message)
    if not pictures or sees(served, question):
        return
    _ = question.words
    yield _(
        "The model {engine} cannot see pictures, so I did not look at {names}.",
        engine=inert(served.engine.name),
        names=_(", ").join(inert(picture.filename) for picture in pictures[:_NAMED]),
    )


def options_for(wishes: Wishes | None, max_tokens: int) -> GenerationOptions:
    """As the asker wishes, if they are one who may; never more tokens than that."""
    if wishes is None:
        return GenerationOptions(max_tokens=max_tokens)
    return GenerationOptions(max_tokens, wishes.temperature, wishes.top_p, wishes.seed, wishes.stop)


def _writes(served: QueuedEngine, question: Inquiry) -> bool:
    """Whether a model writes answers of its own, in this language."""
    engine = served.engine
    writes_it = engine.languages is None or question.language in engine.languages
    return engine.trusted and not engine.quotes and writes_it


def speaks_for_itself(served: QueuedEngine, question: Inquiry) -> bool:
    """Whether the channel lets this model answer without a source, and it is one that can."""
    return question.settings.answer_without_source and _writes(served, question)


def refusal(result: SearchResult, _: Words) -> str:
    if not result.passages:
        return _("There is nothing here yet that I could answer from. Add documents first, for "
                 "instance with `/kb add`.")  # fmt: skip
    if result.is_unsaid:
        return unsaid(result, _)
    return _(
        "I found nothing about this in the documents. The nearest are: {names}.",
        names=near(result.nearest, _),
    )


def unsaid(result: SearchResult, _: Words) -> str:
    """The second refusal: passages are about it, and none answers it."""
    return _(
        "There are documents about this, but none of them says it. The nearest are: {names}.",
        names=near(result.nearest, _),
    )


def with_files(result: SearchResult, passages: tuple[Passage, ...]) -> SearchResult:
    """What came with the question comes first; then what is stored, where it is about it."""
    stored = () if result.refused else result.passages
    return replace(result, passages=passages + stored, refused=False)


def merged(first: SearchResult, second: SearchResult, limit: int) -> SearchResult:
    """Both results in one: each passage once, at its best."""
    best: dict[ChunkId, Passage] = {}
    for passage in (*first.passages, *second.passages):
        known = best.get(passage.chunk.chunk_id)
        if known is None or passage.relevance > known.relevance:
            best[passage.chunk.chunk_id] = passage
    ranked = sorted(best.values(), key=lambda passage: passage.relevance, reverse=True)
    return replace(
        first,
        passages=tuple(ranked[:limit]),
        refused=first.refused and second.refused,
        about=max(first.about, second.about),
        looked_once=first.looked_once or second.looked_once,
    )


def in_parts(whole: Found, parts: Sequence[tuple[Part, SearchResult]], limit: int) -> Found:
    """What the whole question and each of its parts came upon: the best of each part comes first.

    Where nothing was found of any part, the whole question as it is.
    """
    told = [(part, result) for part, result in parts if not result.refused]
    if not told:
        return whole
    every = whole.result
    for _part, result in parts:
        every = merged(every, result, len(every.passages) + len(result.passages))
    known = {passage.chunk.chunk_id: passage for passage in every.passages}
    missing = [Missing(part.name, _in_doubt(result)) for part, result in parts if result.refused]
    first = [result.passages[0].chunk.chunk_id for _part, result in told]
    near = [own.nearest.chunk.chunk_id for own in missing if own.nearest is not None]
    ranked = [known[chunk] for chunk in dict.fromkeys((*first, *near, *known))]
    return replace(
        whole,
        result=replace(every, passages=tuple(ranked[:limit])),
        parts=tuple(part.text for part, _result in told),
        missing=tuple(missing),
    )


def _in_doubt(result: SearchResult) -> Passage | None:
    """What comes closest, where something is about it."""
    near_it = result.is_unsaid or result.relevance >= NEARLY
    return result.passages[0] if near_it and result.passages else None


def lacking(found: Found, passages: Sequence[Passage], cited: set[int], _: Words) -> str:
    """Which parts of the question an answer from these passages lacks; empty: none."""
    told = {passages[number - 1].chunk.chunk_id for number in cited}
    lines = []
    for part in found.missing:
        if part.nearest is None:
            nothing = _("About {part} I found nothing in the documents.", part=inert(part.name))
            lines.append(nothing)
        elif part.nearest.chunk.chunk_id not in told:
            lines.append(
                _("For {part} I found no sure answer. The nearest document is {name}.",
                  part=inert(part.name), name=inert(part.nearest.document.name))
            )  # fmt: skip
    return "\n".join(lines)


def newest_first(found: Found, aim: str) -> Found:
    """Of passages that disagree about what is asked, the newer before the older. Pure, but takes
    some milliseconds."""
    passages, disagreeing = newer_first(
        found.result.passages, disagreements(aim, found.result.passages)
    )
    if not disagreeing:
        return found
    return replace(found, result=replace(found.result, passages=passages), disagreeing=disagreeing)


def waking(served: QueuedEngine, _: Words) -> Iterator[str]:
    """What the asker waits for, where the model has to be loaded first."""
    if served.is_asleep:
        yield _(
            "I am waking the model {engine}; that takes a moment.", engine=inert(served.engine.name)
        )


def from_outside(served: QueuedEngine, _: Words) -> Iterator[str]:
    """Below an answer that was made on somebody else's machine."""
    if served.place == "outside":
        yield _(
            "Answered by the model {engine}, outside this machine at {host}.",
            engine=inert(served.engine.name),
            host=inert(served.host),
        )
