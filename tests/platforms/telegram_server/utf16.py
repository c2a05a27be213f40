"""Telegram counts in UTF-16 code units: lengths, slices and the entities found by themselves."""

from __future__ import annotations

import re

_FOUND = (
    ("bot_command", re.compile(r"(?<![\w/])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?!\w)")),
    ("mention", re.compile(r"(?<![\w@./])@[A-Za-z0-9_]{3,32}(?![\w])")),
    ("url", re.compile(r"\bhttps?://[^\s<>\"]+[^\s<>\".,;:!?)\]]|\bt\.me/\w+", re.IGNORECASE)),
    ("email", re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]*\w")),
    ("hashtag", re.compile(r"(?<!\w)#\w*[^\W\d]\w*")),
)
_LITERAL = frozenset({"code", "pre", "text_link", "text_mention"})


def length(text: str) -> int:
    """How many UTF-16 units a text has."""
    return len(text) + sum(ord(letter) > 0xFFFF for letter in text)


def part(text: str, offset: int, size: int) -> str:
    """The text that an entity covers."""
    data = text.encode("utf-16-le")
    return data[offset * 2 : (offset + size) * 2].decode("utf-16-le", "replace")


def splits_a_letter(text: str, offset: int) -> bool:
    """Whether an offset falls between the two halves of a letter beyond U+FFFF."""
    at = 0
    for letter in text:
        if at >= offset:
            return at > offset
        at += 2 if ord(letter) > 0xFFFF else 1
    return False


def entity(kind: str, text: str, covered: str, **more: object) -> dict:
    """An entity over the first place where `covered` stands in the text."""
    at = text.index(covered)
    return {"type": kind, "offset": length(text[:at]), "length": length(covered), **more}


def overlaps(one: dict, other: dict) -> bool:
    return (
        one["offset"] < other["offset"] + other["length"]
        and other["offset"] < one["offset"] + one["length"]
    )


def found(text: str, given: list[dict]) -> list[dict]:
    """The given entities together with those that the server sees by itself, in their order."""
    literal = [entity for entity in given if entity["type"] in _LITERAL]
    entities = list(given)
    for kind, pattern in _FOUND:
        for match in pattern.finditer(text):
            candidate = {
                "type": kind,
                "offset": length(text[: match.start()]),
                "length": length(match.group()),
            }
            if candidate in entities or any(overlaps(candidate, taken) for taken in literal):
                continue
            if kind != "bot_command" and any(
                overlaps(candidate, taken)
                for taken in entities
                if taken["type"] in ("url", "mention", "bot_command", "email", "hashtag")
            ):
                continue
            entities.append(candidate)
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def trimmed(text: str, entities: list[dict]) -> tuple[str, list[dict]]:
    """Without white space at either end, as every sent text is; entities move along."""
    cut = text.rstrip()
    first = min((entity["offset"] for entity in entities), default=None)
    leading = len(cut) - len(cut.lstrip())
    if first is not None:
        leading = min(leading, first)  # white space is one unit a letter
    cut = cut[leading:]
    size = length(cut)
    kept = []
    for old in entities:
        offset = old["offset"] - leading
        reach = min(old["length"], size - offset)
        if reach > 0:
            kept.append({**old, "offset": offset, "length": reach})
    return cut, kept
