"""Notes: what a person answered, given first to whoever asks the same again."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import tempfile
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import WrongTimeError
from core.evidence import claim_of, content
from core.filenames import file_name
from core.inert import one_line
from core.shielding import to_the_end
from knowledge_base.models import Added, Document, KnowledgeBase, Passage, Upload
from knowledge_base.notes import MEDIA_TYPE, Note, note_bytes
from knowledge_base.terms import normalise

if TYPE_CHECKING:
    from knowledge_base.library import Library

LONGEST_QUESTION: Final = 300
LONGEST_ANSWER: Final = 4000
SUFFIX: Final = ".note"
_LONGEST_NAME: Final = 60
_NEARLY_ALL: Final = 0.99
_MOST: Final = 0.6
"""Share of a note's own question that must have been asked: a note may be about less than it."""
_SPAN: Final = re.compile(r"(\d{1,4})\s*(days?|weeks?|d|w|天|日|个?星期|周)", re.IGNORECASE)
_DAYS: Final = {"d": 1, "天": 1, "日": 1, "w": 7, "周": 7, "星": 7}
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_PARTICLE: Final = re.compile(r"[呢吗嘛啊呀吧哦呐]+(?=[?？!！.。~～…\s]*$)")
"""Ends a question, and asks for nothing."""
_ADDRESS: Final = re.compile(
    r"(?i)^[\s,，]*(?:(?:hi|hello|hey|please|pls|excuse me|sorry|do you know|"
    r"does (?:anyone|anybody|somebody) know|"
    r"(?:can|could) (?:you|someone|anyone|somebody) (?:please )?tell me)\b[\s,:!.]*|"
    r"(?:你好|您好|请问|请教|麻烦问一?下|想?问一?下|有人知道|有?谁知道)(?:一下|下)?[\s,，。！!：:]*)+"
)
_END: Final = re.compile(r"[?？!！.。\s]+$")

# What a question asks for: those that ask for different things are different, whatever their words.
_KINDS: Final = {
    "who": re.compile(r"\bwho(?:m|se)?\b|谁|哪位"),
    "when": re.compile(r"\bwhen\b|\bwhat time\b|几点|什么时候|何时|哪天|什么时间"),
    "where": re.compile(r"\bwhere\b|哪里|哪儿|在哪|何处"),
    "why": re.compile(r"\bwhy\b|为什么|为何"),
    "many": re.compile(
        r"\bhow (?:much|many|long|often|far|big|old)\b|多少|几[个天次人]|多[久长大远]"
    ),
    "how": re.compile(r"\bhow (?:do|to|can|does|should|is|are|did)\b|怎么|怎样|如何"),
}


def is_note(document: Document) -> bool:
    """Whether it is somebody's answer rather than a file."""
    return document.media_type == MEDIA_TYPE


def fits(asked: str, question: str, answer: str = "") -> bool:
    """Whether a note's question is what is asked here, so that its answer is the answer. Pure.

    Told by words, not by a model of meaning, which holds "on Windows" and "on Linux" for the same:
    all that is asked about must stand in the note, and the most of the note's question be asked.
    """
    asked, question = _bare(asked), _bare(question)
    wanted, offered = _about(asked), _about(question)
    if not wanted or not offered:
        return _plain(asked) == _plain(question) != ""
    kinds = _kinds(asked), _kinds(question)
    if all(kinds) and not kinds[0] & kinds[1]:
        return False
    known = offered | _about(answer)
    numbers = claim_of(asked, "").numbers
    if not claim_of(question, "").numbers <= numbers:
        return False
    if not numbers <= claim_of(f"{question} {answer}", "").numbers:
        return False
    if len(wanted & known) < _NEARLY_ALL * len(wanted):
        return False
    # That the answer says it too is not enough: the note must be about it.
    return len(wanted & offered) >= _MOST * max(len(offered), len(wanted))


def fitting(asked: str, passages: Sequence[Passage]) -> Passage | None:
    """The passage of a note that answers the question, the newest of several."""
    found = [
        passage
        for passage in passages
        if is_note(passage.document)
        and fits(asked, passage.chunk.heading or "", passage.chunk.text)
    ]
    return max(found, key=lambda passage: passage.document.added_at, default=None)


def name_of(question: str, taken: Collection[str] = ()) -> str:
    """What the document of a new note is called; never one of `taken`."""
    plain = _END.sub("", one_line(question, 4 * LONGEST_QUESTION))
    digest = hashlib.sha256(_plain(question).encode("utf-8", "replace")).hexdigest()
    short = plain if len(plain) <= _LONGEST_NAME else f"{plain[:_LONGEST_NAME]}… {digest[:6]}"
    name = file_name(f"{short}{SUFFIX}")
    return name if name not in taken else file_name(f"{short} {digest[:8]}{SUFFIX}")


def until(text: str, now: datetime) -> datetime | None:
    """When a note ends: 2027-05-01 (that whole day, UTC), 30d, 6 weeks, 两周 as 2周; empty: never.

    Raises `WrongTimeError`, also for what is past.
    """
    text = text.strip()
    if not text:
        return None
    span = _SPAN.fullmatch(text)
    try:
        if span is not None:
            unit = span[2].removeprefix("个")[0].lower()
            found = now + timedelta(days=int(span[1]) * _DAYS[unit])
        else:
            found = datetime.fromisoformat(text)
            if found.tzinfo is None:
                found = found.replace(tzinfo=UTC)
            if ":" not in text:
                found += timedelta(days=1)
    except (ValueError, OverflowError):
        raise WrongTimeError(text) from None
    if found <= now:
        raise WrongTimeError(text)
    return found


async def store(
    library: Library, base: KnowledgeBase, note: Note, name: str, batch: str | None = None
) -> Added:
    """Add a note, or a new version of the one that is called so, which rests then with a batch.
    Raises what `Library.add` does."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="lorekeeper-"))
    try:
        path = folder / "note"
        await asyncio.to_thread(path.write_bytes, note_bytes(note))
        upload = Upload(
            name, path, note.author, note.author_id, media_type=MEDIA_TYPE,
            expires_at=note.expires_at, batch=batch,
        )  # fmt: skip
        return await library.add(base.base_id, upload)
    finally:
        await to_the_end(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


def _bare(question: str) -> str:
    """A question without how people address each other."""
    bare = _PARTICLE.sub("", _ADDRESS.sub("", question))
    return bare if bare.strip() else question


def _about(text: str) -> frozenset[str]:
    """Words that say what it is about; Han characters one by one, in whatever order they come."""
    words = content(text)
    return frozenset(part for word in words for part in (word if _HAN.match(word) else (word,)))


def _kinds(question: str) -> frozenset[str]:
    folded = normalise(question)
    return frozenset(name for name, pattern in _KINDS.items() if pattern.search(folded))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", normalise(text)))
