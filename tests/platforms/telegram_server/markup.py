"""The parse modes MarkdownV2 and Markdown, as strict as Telegram: what is reserved is escaped."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.platforms.telegram_server.errors import bad_request
from tests.platforms.telegram_server.markup_html import parse_html, refused
from tests.platforms.telegram_server.utf16 import length

_RESERVED = frozenset("_*[]()~`>#+-=|{}.!\n")
_NAMES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "pre": "Pre",
    "text_link": "TextUrl",
    "custom_emoji": "CustomEmoji",
    "blockquote": "BlockQuote",
}
_CLOSING = {
    "bold": "*",
    "italic": "_",
    "underline": "__",
    "strikethrough": "~",
    "spoiler": "||",
    "code": "`",
    "pre": "```",
    "text_link": "]",
    "custom_emoji": "]",
}


def parse(text: str, mode: str) -> tuple[str, list[dict]]:
    """The text without its markup, and the entities that the markup meant."""
    match mode.lower():
        case "html":
            return parse_html(text)
        case "markdownv2":
            return _MarkdownV2(text).parse()
        case "markdown":
            return _parse_markdown(text)
        case _:
            raise bad_request("unsupported parse_mode")


@dataclass
class _MarkdownV2:
    text: str
    at: int = 0
    size: int = 0
    plain: list[str] = field(default_factory=list)
    entities: list[dict] = field(default_factory=list)
    opened: list[tuple[str, int, int, dict]] = field(default_factory=list)
    """Kind, offset, where in the source, what more is known."""

    def parse(self) -> tuple[str, list[dict]]:
        while self.at < len(self.text):
            self._step()
        if self.opened and self.opened[-1][0] == "blockquote":
            self._finish()
        if self.opened:
            kind, _, source, _ = self.opened[-1]
            raise refused(
                f"Can't find end of {_NAMES[kind]} entity at byte offset {self._byte(source)}"
            )
        return "".join(self.plain), self.entities

    def _step(self) -> None:
        letter = self.text[self.at]
        inside = self.opened[-1][0] if self.opened else ""
        following = self.text[self.at + 1 : self.at + 2]
        if letter == "\\" and following and ord(following) <= 126:
            self._take(following, 2)
        elif letter not in ("`" if inside in ("code", "pre") else _RESERVED):
            self._take(letter, 1)
        elif self._ends(inside):
            self._end(inside)
        elif letter == "\n":
            self._newline()
        else:
            self._begin(letter)

    def _take(self, letters: str, consumed: int) -> None:
        self.plain.append(letters)
        self.size += length(letters)
        self.at += consumed

    def _byte(self, at: int) -> int:
        return len(self.text[:at].encode())

    def _ends(self, inside: str) -> bool:
        if not inside:
            return False
        if inside == "blockquote":
            return self.text.startswith("||", self.at) and self.text[self.at + 2 : self.at + 3] in (
                "",
                "\n",
            )
        if not self.text.startswith(_CLOSING[inside], self.at):
            return False
        return inside != "italic" or not self.text.startswith("__", self.at)

    def _newline(self) -> None:
        quoted = any(kind == "blockquote" for kind, *_ in self.opened)
        goes_on = self.text.startswith("\n>", self.at)
        if quoted and not goes_on and self.opened[-1][0] == "blockquote":
            self._finish()
        self._take("\n", 2 if quoted and goes_on else 1)

    def _begin(self, letter: str) -> None:
        source = self.at
        starts = {"__": "underline", "||": "spoiler", "![": "custom_emoji", "``": ""}
        pair = self.text[self.at : self.at + 2]
        if self.text.startswith("```", self.at):
            self._begin_pre(source)
            return
        kind = starts.get(pair) or {
            "_": "italic",
            "*": "bold",
            "~": "strikethrough",
            "[": "text_link",
            "`": "code",
        }.get(letter)
        if letter == ">" and (self.at == 0 or self.text[self.at - 1] == "\n"):
            kind = "blockquote"
        if kind is None:
            raise refused(
                f"Character '{letter}' is reserved and must be escaped with the preceding '\\'"
            )
        self.at += 2 if starts.get(pair) else 1
        self.opened.append((kind, self.size, source, {}))

    def _begin_pre(self, source: int) -> None:
        self.at += 3
        end = self.at
        while end < len(self.text) and not self.text[end].isspace() and self.text[end] != "`":
            end += 1
        more = {}
        if end < len(self.text) and self.text[end] != "`" and end > self.at:
            more["language"] = self.text[self.at : end]
            self.at = end
        if self.text.startswith("\n", self.at):
            self.at += 1
        self.opened.append(("pre", self.size, source, more))

    def _end(self, kind: str) -> None:
        if kind == "blockquote":
            self.at += 2
            self.opened[-1][3]["type"] = "expandable_blockquote"
            self._finish()
            return
        self.at += len(_CLOSING[kind])
        if kind in ("text_link", "custom_emoji"):
            url = self._url()
            if kind == "text_link":
                self.opened[-1][3]["url"] = url
            else:
                self.opened[-1][3]["custom_emoji_id"] = url.rpartition("=")[2]
        self._finish()

    def _url(self) -> str:
        if not self.text.startswith("(", self.at):
            _, offset, _, _ = self.opened[-1]
            data = "".join(self.plain).encode("utf-16-le")[2 * offset :]
            return data.decode("utf-16-le")
        source, url = self.at, []
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != ")":
            if self.text[self.at] == "\\":
                self.at += 1
            url.append(self.text[self.at : self.at + 1])
            self.at += 1
        if self.at >= len(self.text):
            raise refused(f"Can't find end of a URL at byte offset {self._byte(source)}")
        self.at += 1
        return "".join(url)

    def _finish(self) -> None:
        kind, offset, _, more = self.opened.pop()
        if self.size > offset:
            self.entities.append(
                {"type": kind, "offset": offset, "length": self.size - offset, **more}
            )


def _parse_markdown(text: str) -> tuple[str, list[dict]]:
    """The older mode: no nesting, and `_*`[` alone are special."""
    plain: list[str] = []
    entities: list[dict] = []
    at = size = 0
    while at < len(text):
        letter = text[at]
        if letter == "\\" and text[at + 1 : at + 2] in ("_", "*", "`", "["):
            plain.append(text[at + 1])
            at, size = at + 2, size + 1
            continue
        if letter not in "_*`[":
            plain.append(letter)
            at, size = at + 1, size + length(letter)
            continue
        is_pre = text.startswith("```", at)
        mark = "```" if is_pre else "]" if letter == "[" else letter
        end = text.find(mark, at + len(mark))
        if end < 0:
            raise refused(
                f"Can't find end of the entity starting at byte offset {len(text[:at].encode())}"
            )
        covered = text[at + len(mark) : end]
        kind = {"_": "italic", "*": "bold", "`": "code", "[": "text_link"}[letter]
        entity: dict = {"type": "pre" if is_pre else kind, "offset": size}
        entity["length"] = length(covered)
        at = end + len(mark)
        if letter == "[" and text.startswith("(", at) and (close := text.find(")", at)) > 0:
            entity["url"] = text[at + 1 : close]
            at = close + 1
        plain.append(covered)
        size += entity["length"]
        if covered and (letter != "[" or "url" in entity):
            entities.append(entity)
    return "".join(plain), entities
