"""Everything that was asked in an afternoon, and what must have come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.e2e.scenes.knowledge import Fact
from tests.e2e.scenes.places import Place, Reply

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Question:
    """One question; `expects` None: what was asked is known elsewhere, and not here."""

    place: Place
    who: str
    message: object
    expects: Fact | None
    deleted: bool = False
    was_killed: bool = False
    """Whether the process died while it answered: what it had just sent may be left over."""

    @property
    def replies(self) -> list[Reply]:
        return self.place.replies(self.message)

    @property
    def answers(self) -> list[Reply]:
        return [reply for reply in self.replies if reply.is_answer]

    @property
    def begun(self) -> Reply | None:
        """The answer while it is being written, once some of its words are there."""
        return next((r for r in self.replies if not r.is_answer and len(r.text) > 2), None)

    @property
    def is_answered(self) -> bool:
        """Whether a complete answer to the words as they are now stands there."""
        if not self.answers:
            return False
        return self.expects is None or self.expects.answer in self.answers[0].text

    async def answered(self) -> Reply:
        """Wait for the answer."""
        await self._until(lambda: self.is_answered, "answered")
        return self.answers[0]

    async def half_answered(self) -> Reply:
        """Wait until the answer is in its middle."""
        return await self._until(lambda: self.begun, "half answered")

    async def edit(self, fact: Fact) -> None:
        """Ask something else instead."""
        self.expects = fact
        await self.place.edit(self.who, self.message, fact.question)

    async def delete(self) -> None:
        """Take it back."""
        self.deleted = True
        await self.place.delete(self.who, self.message)

    async def vanished(self) -> None:
        """Wait until no reply is left."""
        await self._until(lambda: not self.replies, "without a reply")

    async def _until(self, predicate: Callable[[], T | None], what: str) -> T:
        try:
            return await self.place.until(predicate)
        except TimeoutError:
            raise AssertionError(f"never {what}: {self}") from None

    def __str__(self) -> str:
        asked = self.expects.question if self.expects is not None else "of another place"
        return f"{self.who} in {self.place}: {asked!r} -> {[r.versions for r in self.replies]}"


@dataclass(slots=True)
class Ledger:
    """All questions, in the order in which they were asked."""

    questions: list[Question] = field(default_factory=list)

    async def ask(self, place: Place, who: str, fact: Fact) -> Question:
        """Somebody asks what their place knows."""
        return await self._asked(place, who, fact.question, fact)

    async def pry(self, place: Place, who: str, elsewhere: Place) -> Question:
        """Somebody asks for what only another place knows, by its name."""
        mark = elsewhere.knowledge.facts[2].answer
        return await self._asked(place, who, f"What does {mark} look after?", None)

    async def _asked(self, place: Place, who: str, text: str, fact: Fact | None) -> Question:
        question = Question(place, who, await place.ask(who, text), fact)
        self.questions.append(question)
        return question

    async def settled(self) -> None:
        """Wait until every question has what it is owed."""
        for question in self.questions:
            if question.deleted:
                await question.vanished()
            else:
                await question.answered()

    def wrongs(self) -> list[str]:
        """Whatever is not as it must be, one line each."""
        return [wrong for question in self.questions for wrong in _wrongs_of(question)]


def _wrongs_of(question: Question) -> list[str]:
    if question.deleted:
        return [f"deleted, but answered: {question}"] if question.replies else []
    found = []
    others = [reply for reply in question.replies if not reply.is_answer]
    is_tolerable = question.was_killed and all(reply.is_unfinished for reply in others)
    if len(question.answers) != 1 or (others and not is_tolerable):
        found.append(f"not one answer: {question}")
    elif question.expects is not None:
        text = question.answers[0].text
        sources = text.partition("Sources:")[2] or text.partition("来源：")[2]
        if question.expects.answer not in text or question.expects.document not in sources:
            found.append(f"not from {question.expects.document}: {question}")
    return found


def leaks(places: list[Place]) -> list[str]:
    """What one place was told that only others know, in whatever a message ever showed."""
    found = []
    for place in places:
        others = [each for each in places if each.knowledge is not place.knowledge]
        marks = [mark for other in others for mark in other.knowledge.marks]
        for reply in place.said():
            found += [
                f"{mark} in {version!r}"
                for version in reply.versions
                for mark in marks
                if mark in version
            ]
    return found
