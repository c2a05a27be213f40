"""What a model writes leads nowhere and calls nobody, unless it may: links and pings in an answer.

An address survives where it stands in a text that the asker may rely on (a cited passage, the
question) or on a list; another one is taken out, and of a Markdown link its words stay. Words that
show another host than they lead to are written out. "@everyone" and "@somebody" are shown and ping
nobody. Half an address is never shown: how the text was cut into deltas makes no difference.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from core.run_on import Boundary

BREAK: Final = "\u200b"
"""Not seen; a name or an address with it inside is none."""

_LONGEST_LABEL: Final = 300
_LONGEST_SPAN: Final = 400
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.-]{0,30}://"
_ADDRESS: Final = re.compile(rf"{_SCHEME}[!#-;=?-~]*|\bmailto:[!#-;=?-~]+", re.IGNORECASE)
# Endings that clients make links of without a scheme; file names' endings (.md, .py) are not here.
_ENDINGS: Final = (
    "app|biz|chat|click|club|cn|co|com|de|dev|edu|eu|fr|gg|gov|hk|info|io|jp|kr|link|live|me|net|"
    "online|org|page|ru|shop|site|store|tech|to|top|tw|uk|us|vip|xyz"
)
_BARE: Final = re.compile(
    r"(?<![\w./@-])(?:[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_]{2,24}|(?:[\w-]{1,63}\.)+"
    rf"(?:(?:{_ENDINGS})(?![\w-])(?!\.\w)(?:[/?#:][!#-;=?-~]*)?|[A-Za-z]{{2,24}}/[!#-;=?-~]*))",
    re.IGNORECASE | re.ASCII,
)
_LONG: Final = re.compile(
    rf"(?:{_SCHEME}|(?<![\w.-])(?:[\w-]{{1,63}}\.)+[A-Za-z]{{2,24}}(?=/))[^\s<>\"]*"
)
_HOST: Final = re.compile(r"((?:[\w-]{1,63}\.)+[^\W\d_]{2,24})(?![\w-])")
_EVERYBODY: Final = re.compile(r"@(?=everyone\b|here\b)|<(?=@[!&]?\d|#\d|t:-?\d|id:\w)", re.I)
_PING: Final = re.compile(r"(?<![\w.+-])@(?=[\w*~|\\&])|</(?=\w)")
_LINK: Final = re.compile(
    rf"!?\[(?P<label>[^\[\]\n]{{0,{_LONGEST_LABEL}}})\]\([ \t]*"
    r"(?P<to><[^<>\n]*>|(?:[^\s()<>]|\([^\s()]*\))*)"
    r"(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
_LINK_SO_FAR: Final = re.compile(
    rf"!?(?:\[[^\[\]\n]{{0,{_LONGEST_LABEL}}}(?:\](?:\([^\n]{{0,2000}})?)?)?\Z"
)
_DEFINITION: Final = re.compile(r"(\[[^\[\]\n]{1,300}\]):")
# Letters without a space, a bracket or code between them: no address goes across those.
_RUN: Final = re.compile(r"[!-Z\\^_a-~]+")
_TICKS: Final = re.compile(r"`+")
_OUTSIDE: Final = re.compile(r"[^\n!-~]+")
_JOINS: Final = re.compile(r"[A-Za-z0-9.:/@_-]")
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])|[*~|]")
_CLOSING: Final = {")": "(", "]": "[", "}": "{"}
_ENDS_WITH: Final = ".,;:!?'\"*_~|\\>"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where an answer may lead: exact addresses, and hosts with all that lies on them."""

    exact: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    long: frozenset[str] = frozenset()
    """Those that go on in letters of other scripts, as far as the next space."""

    @classmethod
    def of(cls, texts: Iterable[str], listed: Iterable[str] = ()) -> Addresses:
        """Those that stand in the texts; `listed` are addresses, or hosts with what is on them."""
        texts = tuple(texts)
        exact = {_normal(address) for text in texts for address in _found(text)}
        long = {found for text in texts for found in _LONG.findall(text) if not found.isascii()}
        entries = {entry.strip() for entry in listed}
        exact |= {_normal(entry) for entry in entries if "/" in entry}
        hosts = {entry.lower() for entry in entries if entry and "/" not in entry}
        return cls(frozenset(exact), frozenset(hosts), frozenset(long))

    def hold(self, address: str) -> bool:
        """Whether the address may be shown as one."""
        if _normal(address) in self.exact:
            return True
        host = _host(address)
        return host is not None and any(_lies_on(host, known) for known in self.hosts)

    def beyond(self, address: str) -> tuple[str, ...] | None:
        """How an address that is held may go on; None: as it likes, being on a host of the list."""
        if _normal(address) not in self.exact and "/" in re.sub(r"^\w+://", "", address):
            return None
        return tuple(each[len(address) :] for each in self.long if each.startswith(address))


class LinkFilter:
    """Takes an answer in deltas and gives back what may be shown of it so far."""

    def __init__(self, allowed: Addresses, removed: str) -> None:
        """`removed` stands where an address was."""
        self._allowed = allowed
        self._removed = removed
        self._pending = ""
        self._before = "\n"
        """The last letter that was given out."""
        self._line_start = True
        self._fence: str | None = None
        self._boundary = Boundary()

    def feed(self, delta: str) -> str:
        """What can be shown now; a beginning that may become a link is held back."""
        self._pending += delta
        return self._drain(at_end=False)

    def end(self) -> str:
        """The rest, when no more will come."""
        return self._drain(at_end=True)

    def anew(self) -> LinkFilter:
        """One that has seen nothing yet."""
        return LinkFilter(self._allowed, self._removed)

    def _drain(self, *, at_end: bool) -> str:
        given: list[str] = []
        at = 0
        while at < len(self._pending):
            step = self._step(at, at_end=at_end)
            if step is None:
                break
            text, end = step
            taken = self._pending[at:end]
            text = self._apart(text, taken)
            self._line_start = taken == "\n" or (self._line_start and not taken.strip(" \t>"))
            self._before = (text or taken)[-1]
            at = end
            given.append(text)
        self._pending = self._pending[at:]
        return "".join(given)

    def _step(self, at: int, *, at_end: bool) -> tuple[str, int] | None:
        """The next piece to give out and where it ends; None: wait for more.

        Each decision needs no more text than it takes, so that cuts between deltas do not matter.
        """
        letter = self._pending[at]
        if letter in "\n]":
            return letter, at + 1
        if letter == "[" or (letter == "!" and self._pending[at + 1 : at + 2] in ("", "[")):
            return self._bracket(at, at_end=at_end)
        if letter == "`":
            return self._code(at, at_end=at_end)
        outside = _OUTSIDE.match(self._pending, at)
        if outside is not None:
            return outside.group(), outside.end()
        run = _RUN.match(self._pending, at)
        end = run.end() if run is not None else at + 1
        if end == len(self._pending) and not at_end:
            return None
        return self._inert(self._pending[at:end], self._before), end

    def _apart(self, text: str, taken: str) -> str:
        """The piece, with a space where it would run on an address that was given out."""
        if self._fence is not None or taken[0] == "`" or "](" in text:
            return self._boundary.whole(text)
        spans: list[tuple[int, int, tuple[str, ...]]] = []
        found = [*_ADDRESS.finditer(text), *_BARE.finditer(text)]
        for match in sorted(found, key=lambda each: each.start()):
            address = _trimmed(match.group())
            known = self._allowed.beyond(address)
            if known is not None and not (spans and match.start() < spans[-1][1]):
                spans.append((match.start(), match.start() + len(address), known))
        return self._boundary.apart(text, spans)

    def _bracket(self, at: int, *, at_end: bool) -> tuple[str, int] | None:
        """A Markdown link; or the one letter that opens none."""
        link = _LINK.match(self._pending, at)
        if link is not None:
            after = self._pending[link.end() : link.end() + 1]
            if not after and not at_end:
                return None
            return self._settled(link, after), link.end()
        if not at_end and _LINK_SO_FAR.match(self._pending, at):
            return None
        definition = _DEFINITION.match(self._pending, at) if self._line_start else None
        if definition is not None:
            # Else "[text][name]" elsewhere would lead where this line says.
            return definition[1] + BREAK, definition.end() - 1
        return self._pending[at], at + 1

    def _settled(self, link: re.Match[str], after: str) -> str:
        to, label = link["to"].strip("<>"), self._inert(link["label"], "[")
        if _is_aside(link):
            return f"[{label}] ({self._inert(to, '(')})"
        if not self._allowed.hold(to):
            shown = label.strip() or self._removed
        elif link.group().startswith("!") or _hides(link["label"], to):
            shown = f"{label} ({to})"
        else:
            there = replace(self._allowed, hosts=self._allowed.hosts | {_host(to) or ""})
            shown = f"[{self._inert(link['label'], '[', allowed=there)}]({to})"
        # What stood on both sides of it must not become an address now.
        before = BREAK if _JOINS.match(self._before) else ""
        return before + shown + (BREAK if _JOINS.match(after) else "")

    def _code(self, at: int, *, at_end: bool) -> tuple[str, int] | None:
        """The fence that opens or closes a block, or a whole span, or backticks that open none."""
        ticks = _TICKS.match(self._pending, at)
        end = ticks.end() if ticks is not None else at + 1
        if end == len(self._pending) and not at_end:
            return None
        run = self._pending[at:end]
        if self._fence is not None:
            if self._line_start and len(run) >= len(self._fence):
                self._fence = None
            return run, end
        if self._line_start and len(run) >= 3:
            self._fence = run
            return run, end
        line = self._pending[end : end + _LONGEST_SPAN].partition("\n")
        closing = re.search(rf"(?<!`){run}(?!`)", line[0])
        if closing is not None and end + closing.end() < len(self._pending) + at_end:
            inside = line[0][: closing.start()]
            return run + self._inert(inside, "", code=True) + run, end + closing.end()
        if line[1] or at_end or len(self._pending) - end >= _LONGEST_SPAN:
            return run, end
        return None

    def _inert(
        self, text: str, before: str, *, code: bool = False, allowed: Addresses | None = None
    ) -> str:
        """The text with its addresses judged and its names made to ping nobody."""
        allowed = allowed or self._allowed
        code = code or self._fence is not None
        if not code and _found(rendered := _rendered(text)) != _found(text):
            text = rendered
        given: list[str] = []
        at = 0
        for found in _ADDRESS.finditer(text):
            address = _trimmed(found.group())
            given.append(_unpinged(text[at : found.start()], before, allowed, code=code))
            given.append(address if allowed.hold(address) else self._removed)
            at, before = found.start() + len(address), address[-1]
        given.append(_unpinged(text[at:], before, allowed, code=code))
        return "".join(given).replace(f"<{self._removed}>", self._removed)


def without_links(text: str, allowed: Addresses, removed: str) -> str:
    """The whole text at once. Once more over what came out changes nothing."""
    links = LinkFilter(allowed, removed)
    return links.feed(text) + links.end()


def without_pings(text: str) -> str:
    """A text of others as it reads, in which no name pings and nothing links by itself."""
    text = _ADDRESS.sub(lambda found: found.group().replace(":", ":" + BREAK, 1), text)
    return _unpinged(text, "", Addresses(), code=False)


def _unpinged(text: str, before: str, allowed: Addresses, *, code: bool) -> str:
    def judged(found: re.Match[str]) -> str:
        address = found.group()
        if allowed.hold(_trimmed(address)):
            return address
        return re.sub(r"([.@])", rf"\1{BREAK}", address)

    if not code:
        # Clients make neither names nor bare hosts in code into links, and code is copied.
        text = _PING.sub(lambda found: found.group() + BREAK, before + text)[len(before) :]
        # What is broken up may leave an address behind it: "a@b.com@c.com".
        while (broken := _BARE.sub(judged, text)) != text:
            text = broken
    return _EVERYBODY.sub(lambda found: found.group() + BREAK, text)


def _found(text: str) -> list[str]:
    """The addresses in a text, as far as they belong to no sentence around them."""
    found = [*_ADDRESS.finditer(text), *_BARE.finditer(text)]
    return [_trimmed(match.group()) for match in found]


def _rendered(text: str) -> str:
    """As Markdown shows it: references resolved, escapes and emphasis gone."""
    return _ESCAPED.sub(lambda found: found[1] or "", html.unescape(text))


def _is_aside(link: re.Match[str]) -> bool:
    """A citation's number and a word in brackets behind it, "[1](daily)": that leads nowhere."""
    number, said = link["label"], link["to"]
    plain = number.isdecimal() and link.group() == f"[{number}]({said})"
    return plain and bool(said) and not re.search(r"[./:@\\%#&?]", said)


def _hides(label: str, to: str) -> bool:
    """Whether a link's words show another host than the one it leads to."""
    host = _host(to) or ""
    return not all(_lies_on(host, shown.lower()) for shown in _HOST.findall(_rendered(label)))


def _lies_on(host: str, other: str) -> bool:
    return host == other or host.endswith(f".{other}")


def _trimmed(address: str) -> str:
    """Without what belongs to the sentence around it."""
    end = len(address)
    left = {mark: address.count(mark) for pair in _CLOSING.items() for mark in pair}
    while end:
        last = address[end - 1]
        opening = _CLOSING.get(last)
        unbalanced = opening is not None and left[last] > left[opening]
        if not unbalanced and last not in _ENDS_WITH:
            break
        if opening is not None:
            left[last] -= 1
        end -= 1
    return address[:end]


def _normal(address: str) -> str:
    """One spelling: scheme and host in small letters, that of the web left out, no slash behind."""
    rest = re.sub(r"^https?://", "", address.strip(), flags=re.IGNORECASE)
    scheme, mark, after = rest.partition("://")
    host, slash, path = (after if mark else rest).partition("/")
    return f"{scheme.lower() + mark if mark else ''}{host.lower()}{slash}{path}".rstrip("/")


def _host(address: str) -> str | None:
    """The host that an address leads to; None where readers of addresses might disagree."""
    if re.search(r"[\\@\s%]", address.partition("?")[0]):
        return None
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname
    except ValueError:
        return None
