"""The parse mode HTML: Telegram's few tags, and its words for what is wrong."""

from __future__ import annotations

import re

from tests.platforms.telegram_server.errors import ApiError, bad_request
from tests.platforms.telegram_server.utf16 import length

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
    "tg-time": "date_time",
    "span": "spoiler",
}
_START = re.compile(r"<([A-Za-z][A-Za-z0-9-]*)((?:\s[^<>]*)?)/?>")
_END = re.compile(r"</([A-Za-z0-9-]*)\s*>")
_REFERENCE = re.compile(r"&(?:(lt|gt|amp|quot)|#(\d+)|#x([0-9A-Fa-f]+));")
_ATTRIBUTE = re.compile(r"([\w-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}


def refused(what: str) -> ApiError:
    return bad_request(f"can't parse entities: {what}")


def parse_html(text: str) -> tuple[str, list[dict]]:
    """The text without its tags, and the entities that these meant."""
    plain: list[str] = []
    entities: list[dict] = []
    opened: list[tuple[str, int, dict]] = []
    at = size = 0
    while at < len(text):
        byte = len(text[:at].encode())
        if text.startswith("</", at):
            match = _END.match(text, at)
            if match is None or not opened:
                raise refused(f"Unexpected end tag at byte offset {byte}")
            _close(opened.pop(), match[1].lower(), byte, size, entities)
            at = match.end()
        elif text[at] == "<":
            match = _START.match(text, at)
            if match is None:
                raise refused(f"Unclosed start tag at byte offset {byte}")
            opened.append((match[1].lower(), size, _attributes(match, byte)))
            at = match.end()
        else:
            match = _REFERENCE.match(text, at)
            letters = _decoded(match) if match else text[at]
            plain.append(letters)
            size += length(letters)
            at = match.end() if match else at + 1
    if opened:
        raise refused(f'Can\'t find end tag corresponding to start tag "{opened[-1][0]}"')
    return "".join(plain), entities


def _decoded(match: re.Match[str]) -> str:
    if match[1]:
        return _NAMED[match[1]]
    code = int(match[2]) if match[2] else int(match[3], 16)
    return chr(code) if 0 < code < 0x110000 else match.group()


def _attributes(match: re.Match[str], byte: int) -> dict:
    tag = match[1].lower()
    given = {
        found[1].lower(): _REFERENCE.sub(_decoded, found[2] or found[3] or found[4] or "")
        for found in _ATTRIBUTE.finditer(match[2])
    }
    if tag not in _KINDS:
        raise refused(f'Unsupported start tag "{tag}" at byte offset {byte}')
    if tag == "span" and given.get("class") != "tg-spoiler":
        raise refused(f'Tag "span" must have class "tg-spoiler" at byte offset {byte}')
    return given


def _close(
    opened: tuple[str, int, dict], tag: str, byte: int, end: int, entities: list[dict]
) -> None:
    started, offset, given = opened
    if tag and tag != started:
        raise refused(
            f'Unmatched end tag at byte offset {byte}, expected "</{started}>", found "</{tag}>"'
        )
    if end == offset:
        return
    entity: dict = {"type": _KINDS[started], "offset": offset, "length": end - offset}
    match started:
        case "a":
            if not given.get("href"):
                return
            entity |= _link(given["href"])
        case "blockquote" if "expandable" in given:
            entity["type"] = "expandable_blockquote"
        case "tg-emoji":
            entity["custom_emoji_id"] = given.get("emoji-id", "")
        case "code" if given.get("class", "").startswith("language-"):
            entity["language"] = given["class"].removeprefix("language-")
        case "pre":
            _take_language(entity, entities)
    entities.append(entity)


def _take_language(pre: dict, entities: list[dict]) -> None:
    """`<pre><code class="language-x">` is one entity."""
    for inner in list(entities):
        if inner["type"] == "code" and inner["offset"] == pre["offset"]:
            entities.remove(inner)
            if "language" in inner:
                pre["language"] = inner["language"]


def _link(url: str) -> dict:
    user = re.fullmatch(r"tg://user\?id=(\d+)", url)
    if user:
        return {
            "type": "text_mention",
            "user": {"id": int(user[1]), "is_bot": False, "first_name": "?"},
        }
    return {"url": url}
