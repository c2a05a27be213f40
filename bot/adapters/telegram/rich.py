"""Markdown as a rich message (Bot API 10.1): tables, headings and nested lists as such. Pure.

As HTML of our own making rather than as Markdown: what is written here is all that Telegram gets to
parse, so no image is fetched from anywhere, nobody is mentioned, and half a message is well formed.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from bot.adapters.telegram.render import may_link, parser, unmentioning

if TYPE_CHECKING:
    from markdown_it.token import Token
    from telegram import Message

MOST_BLOCKS: Final = 500
DEEPEST: Final = 16
MOST_COLUMNS: Final = 20
_TAGS: Final = {
    "paragraph": "p",
    "blockquote": "blockquote",
    "bullet_list": "ul",
    "list_item": "li",
    "table": "table",
    "tr": "tr",
    "strong": "b",
    "em": "i",
    "s": "s",
}
_BREAK: Final = "<br>"
_TEXTS: Final = ("text", "blocks", "items", "cells", "summary", "caption", "credit")
"""Where a rich message that we are shown has its words."""
_STYLES: Final = ("bold", "italic", "underline", "strikethrough", "spoiler", "code", "url")


def rich(markdown: str) -> str | None:
    """The HTML of a rich message; None where entities show the text as well, or it has no room.

    Every client shows entities; only newer ones show rich messages. So these are for what entities
    cannot say.
    """
    tokens = parser().parse(markdown)
    if not _is_worth_it(tokens) or not _has_room(tokens):
        return None
    return "".join(map(_block, tokens))


def words_of(message: object) -> str:
    """What a rich message says, a line for each of its blocks; empty for what is none."""
    match message:
        case str():
            return message
        case {"cells": [*rows]}:
            return "\n".join(" | ".join(map(words_of, _listed(row))) for row in rows)
        case dict():
            texts = (words_of(message[key]) for key in _TEXTS if key in message)
            return "\n".join(filter(None, texts))
        case [*parts]:
            said = ""
            for part in parts:
                said += ("\n" if said and not _is_inline(part) else "") + words_of(part)
            return said
        case _:
            return ""


def rich_words(message: Message) -> str:
    """What a rich message says that somebody sent; the library does not know them yet."""
    return words_of(message.api_kwargs.get("rich_message")).strip()


def _listed(row: object) -> list[object]:
    return row if isinstance(row, list) else []


def _is_inline(part: object) -> bool:
    match part:
        case str():
            return True
        case {"type": str(kind)}:
            return kind in _STYLES
        case _:
            return False


def _is_worth_it(tokens: Sequence[Token]) -> bool:
    depth = 0
    for token in tokens:
        if token.type in ("table_open", "heading_open"):
            return True
        if token.tag in ("ul", "ol"):
            depth += token.nesting
            if depth > 1:
                return True
    return False


def _has_room(tokens: Sequence[Token]) -> bool:
    columns = 0
    for token in tokens:
        if token.type == "tr_open":
            columns = 0
        columns += token.type in ("th_open", "td_open")
        if columns > MOST_COLUMNS or token.level >= DEEPEST:
            return False
    return sum(token.nesting >= 0 for token in tokens) <= MOST_BLOCKS


def _block(token: Token) -> str:
    kind = token.type.removesuffix("_open").removesuffix("_close")
    match kind:
        case "inline":
            return _inlines(token.children or [])
        case "hr":
            return "<hr/>"
        case "fence":
            return _fence(token)
        case "heading":
            return _tag(token, token.tag)
        case "ordered_list":
            start = token.attrGet("start")
            return _tag(token, "ol", f' start="{int(start)}"' if start is not None else "")
        case "th" | "td":
            align = str(token.attrGet("style") or "").removeprefix("text-align:")
            return _tag(token, kind, f' align="{align}"' if align in ("center", "right") else "")
        case "table":
            return _tag(token, "table", " bordered")
        case _ if kind in _TAGS and not token.hidden:
            return _tag(token, _TAGS[kind])
        case _:
            return ""


def _inlines(tokens: Sequence[Token]) -> str:
    """Links that lead nowhere we would send somebody keep their words alone."""
    html, linked = "", False
    for token in tokens:
        match token.type:
            case "link_open":
                url = str(token.attrGet("href") or "")
                linked = may_link(url)
                html += f'<a href="{escape(url)}">' if linked else ""
            case "link_close":
                html += "</a>" if linked else ""
            case _:
                html += _inline(token)
    return html


def _inline(token: Token) -> str:
    match token.type:
        case "text" | "text_special":
            return _text(token.content)
        case "softbreak" | "hardbreak":
            return _BREAK
        case "code_inline":
            return f"<code>{escape(token.content, quote=False)}</code>"
        case "strong_open" | "strong_close" | "em_open" | "em_close" | "s_open" | "s_close":
            return _tag(token, _TAGS[token.type.partition("_")[0]])
        case "image":
            # Never as an image: Telegram would fetch it from wherever a passage says.
            url, said = str(token.attrGet("src") or ""), _text(token.content)
            return f'<a href="{escape(url)}">{said}</a>' if may_link(url) else said
        case _:
            return ""


def _text(text: str) -> str:
    return escape(unmentioning(text), quote=False)


def _fence(token: Token) -> str:
    code = escape(token.content.removesuffix("\n"), quote=False)
    language = token.info.split()[0] if token.info.strip() else ""
    opening = f'<code class="language-{escape(language)}">' if language else "<code>"
    return f"<pre>{opening}{code}</code></pre>"


def _tag(token: Token, name: str, attributes: str = "") -> str:
    return f"</{name}>" if token.nesting < 0 else f"<{name}{attributes}>"
