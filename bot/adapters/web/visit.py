"""What happens on the chat page; everything about a visitor is in the values passed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import gradio as gr

from bot.adapters.web import markup
from bot.adapters.web.events import facts_of
from bot.adapters.web.frame import visitor_of, words_for
from bot.adapters.web.parts import PlainEngine, Shelved
from bot.adapters.web.requests import addition, locale_of, message, sent_by, stop_request
from bot.adapters.web.shelves import Shelf
from bot.adapters.web.talks import Talks
from bot.adapters.web.view import ReplyView
from core.access import SAMPLES, SHARED
from core.conversations import Exchange, Opening
from core.events import IncomingMessage, Wishes
from core.explain import explain
from core.feedback import Verdict
from core.language import Words
from core.ports import Inbox
from knowledge_base.errors import NoSuchBaseError

if TYPE_CHECKING:
    from bot.adapters.web.pages.chat import ChatPage

Bubble: TypeAlias = dict[str, str]
Update: TypeAlias = dict[object, object]
Updates: TypeAlias = AsyncGenerator[Update, None]
_THREAD: Final = "c"
"""The part of the page's address that names the conversation."""


@dataclass(slots=True)
class Talk:
    """One conversation on one open page."""

    thread: str = field(default_factory=lambda: uuid.uuid4().hex)
    bubbles: tuple[Bubble, ...] = ()
    questions: tuple[tuple[str, str], ...] = ()
    """Id and text of each, in the order of the bubbles: two bubbles a question."""


class Visit:
    """The chat page's behaviour."""

    def __init__(
        self,
        page: ChatPage,
        inbox: Inbox,
        shelves: Shelved,
        talks: Talks,
        plain_engine: PlainEngine,
    ) -> None:
        self._page = page
        self._inbox = inbox
        self._shelves = shelves
        self._talks = talks
        self._plain_engine = plain_engine
        self._under_way: dict[str, str] = {}
        """Open page to the conversation in which its answer is being made."""

    async def opened(self, request: gr.Request) -> Update:
        page = self._page
        shelves, _ = await self._shelves(visitor_of(request)), words_for(request)
        ready: Update = {
            page.bases: gr.update(choices=_named(shelves, _), value=_usual(shelves)),
            page.target: gr.update(choices=_named(_own(shelves), _), value=SHARED),
        }
        if str(request.session_hash) in self._under_way:
            # Whoever was faster than the page sees the answer to that, and may stop it: what the
            # page is told of its buttons before it has been built can be lost.
            return {**ready, **_asking(page)}
        wanted = str(dict(request.query_params).get(_THREAD, ""))
        said = await self._talks.exchanges(visitor_of(request), wanted) if wanted else ()
        talk = _talk_of(wanted, said, _) if said else Talk()
        return {
            **ready,
            **await self._talk_shown(talk, request),
            page.send: gr.update(visible=True),
            page.stop: gr.update(visible=False),
            page.sources: "",
        }

    async def _seen(self, request: gr.Request) -> list[str]:
        """Names of the bases that the visitor may ask."""
        return [shelf.name for shelf in await self._shelves(visitor_of(request))]

    async def _picked(self, bases: Sequence[str], request: gr.Request) -> list[str]:
        """Those that are still there, and that the visitor may ask, whatever a request names."""
        seen = await self._seen(request)
        picked = [name for name in bases if name in seen]
        if bases and not picked:
            told = explain(NoSuchBaseError(str(bases[0])), words_for(request)) or ""
            raise gr.Error(told, print_exception=False)
        return picked

    async def _talk_shown(self, talk: Talk, request: gr.Request) -> Update:
        page = self._page
        listed = await self._talks.all(visitor_of(request))
        return {
            page.talk: talk,
            page.chatbot: list(talk.bubbles),
            page.conversations: _list(listed, talk.thread, words_for(request)),
            page.remove: gr.update(visible=any(own.thread_id == talk.thread for own in listed)),
            page.removing: gr.update(visible=False),
        }

    async def asked(
        self, text: str, bases: list[str], talk: Talk | None, request: gr.Request
    ) -> Updates:
        if not text.strip():
            return
        if talk is None and not bases:
            # Nobody chose none of them: the page has not offered any yet.
            bases = _usual(await self._shelves(visitor_of(request)))
        talk, picked = talk or Talk(), await self._picked(bases, request)
        incoming = self._message(talk, text.strip(), picked, request)
        async with aclosing(self._answered(incoming, talk, talk.bubbles, request)) as updates:
            async for update in updates:
                yield update

    async def again(
        self, bases: list[str], talk: Talk | None, pressed: gr.RetryData, request: gr.Request
    ) -> Updates:
        """The last question is answered anew, by what is chosen now."""
        if talk is None or not talk.questions:
            return
        picked = await self._picked(bases, request)
        message_id, text = talk.questions[-1]
        talk.questions = talk.questions[:-1]
        incoming = replace(self._message(talk, text, picked, request), message_id=message_id)
        async with aclosing(self._answered(incoming, talk, talk.bubbles[:-2], request)) as updates:
            async for update in updates:
                yield update

    def _message(
        self, talk: Talk, text: str, bases: Sequence[str], request: gr.Request
    ) -> IncomingMessage:
        own = sent_by(
            visitor_of(request),
            message(talk.thread, text, bases=bases, locale=locale_of(request.headers)),
        )
        name = None if bases else self._plain_engine()
        return own if name is None else replace(own, wishes=Wishes(engine=name))

    async def _answered(
        self,
        incoming: IncomingMessage,
        talk: Talk,
        before: tuple[Bubble, ...],
        request: gr.Request,
    ) -> Updates:
        page = self._page
        view = ReplyView(words_for(request), incoming.message_id)
        before = (*before, {"role": "user", "content": markup.plain(incoming.text)})
        talk.questions = (*talk.questions, (incoming.message_id, incoming.text))

        def shown() -> Update:
            talk.bubbles = (*before, {"role": "assistant", "content": view.html()})
            return {page.chatbot: list(talk.bubbles), page.status: view.status_html()}

        yield {**shown(), **_asking(page), page.talk: talk, page.question: "", page.sources: ""}
        session = str(request.session_hash)
        self._under_way[session] = talk.thread
        try:
            async with aclosing(self._inbox.stream(incoming)) as events:
                async for event in events:
                    view.take(event)
                    yield shown()
        finally:
            self._under_way.pop(session, None)
        yield {
            **shown(),
            **await self._talk_shown(talk, request),
            page.sources: view.sources_html(),
            page.send: gr.update(visible=True),
            page.stop: gr.update(visible=False),
        }

    async def example(
        self, bases: list[str], talk: Talk | None, chosen: gr.SelectData, request: gr.Request
    ) -> Updates:
        async with aclosing(self.asked(chosen.value["text"], bases, talk, request)) as updates:
            async for update in updates:
                yield update

    async def judged(self, talk: Talk | None, pressed: gr.LikeData, request: gr.Request) -> Update:
        """👍 and 👎; a press that takes a verdict back leaves it as it was."""
        _ = words_for(request)
        place = pressed.index if isinstance(pressed.index, int) else pressed.index[0]
        number = place // 2
        told = ""
        if talk is not None and 0 <= number < len(talk.questions) and pressed.liked is not None:
            verdict = Verdict.UP if pressed.liked is True else Verdict.DOWN
            message_id, _text = talk.questions[number]
            if await self._talks.judge(visitor_of(request), talk.thread, message_id, verdict):
                told = _("Noted: 👍. Thank you.")
                if verdict is Verdict.DOWN:
                    told = _("Noted: 👎. Thank you, that helps to find what is missing.")
            else:
                told = _("This answer is not here any more.")
        return {self._page.status: f'<p class="note">{markup.plain(told)}</p>' if told else ""}

    async def cited(self, talk: Talk | None, pressed: gr.EventData, request: gr.Request) -> Update:
        """A marker in an answer was pressed: its passage, with what stands around it."""
        _ = words_for(request)
        message_id, _dash, number = str(facts_of(pressed).get("cite")).rpartition("-")
        if talk is None or not number.isdecimal() or len(number) > 3:
            return {self._page.sources: ""}
        found = await self._talks.opened(
            visitor_of(request), talk.thread, message_id, int(number), await self._seen(request)
        )
        if found is None:
            told = _("This answer is not here any more.")
            return {self._page.sources: f'<p class="note">{markup.plain(told)}</p>'}
        around = markup.Around(int(number), found.before, found.after)
        lines = [_("[{number}] is not there any more.", number=one) for one in found.gone]
        gone = "".join(f'<p class="note">{markup.plain(line)}</p>' for line in lines)
        return {self._page.sources: gone + markup.sources(found.found, found.answer, _, around)}

    async def stopped(self, talk: Talk | None) -> None:
        if talk is not None:
            await self._stop(talk.thread)

    async def left(self, request: gr.Request) -> None:
        """The page was closed: nobody reads the rest of its answer, so it is not made."""
        if thread := self._under_way.get(str(request.session_hash)):
            await self._stop(thread)

    async def _stop(self, thread: str) -> None:
        async with aclosing(self._inbox.stream(stop_request(thread))) as events:
            async for _event in events:
                pass

    async def renewed(self, request: gr.Request) -> Update:
        page = self._page
        return {**await self._talk_shown(Talk(), request), page.sources: "", page.status: ""}

    async def asks_whether(self) -> Update:
        page = self._page
        return {page.remove: gr.update(visible=False), page.removing: gr.update(visible=True)}

    async def kept(self) -> Update:
        page = self._page
        return {page.remove: gr.update(visible=True), page.removing: gr.update(visible=False)}

    async def removed(self, talk: Talk | None, request: gr.Request) -> Update:
        if talk is not None:
            await self._stop(talk.thread)
            await self._talks.remove(visitor_of(request), talk.thread)
        return await self.renewed(request)

    async def uploaded(
        self, files: list[str], target: str, bases: list[str], request: gr.Request
    ) -> Updates:
        page = self._page
        done = ""
        try:
            for path in map(Path, files):
                async with aclosing(self._added(path, target or SHARED, request)) as lines:
                    async for line in lines:
                        yield {page.uploads: done + line}
                done += line
        finally:
            await asyncio.to_thread(_discard, files)
        shelves, _ = await self._shelves(visitor_of(request)), words_for(request)
        chosen = {*bases, target}
        yield {
            # By this the page knows that nothing is on its way any more (console.js).
            page.uploads: f'<div data-done="{uuid.uuid4().hex}">{done}</div>',
            page.bases: gr.update(
                choices=_named(shelves, _),
                value=[shelf.name for shelf in shelves if shelf.name in chosen],
            ),
            page.target: gr.update(choices=_named(_own(shelves), _)),
        }

    async def _added(
        self, path: Path, target: str, request: gr.Request
    ) -> AsyncGenerator[str, None]:
        """How far one file has come, in a line of its own."""
        view = ReplyView(words_for(request))
        incoming = sent_by(
            visitor_of(request),
            addition(uuid.uuid4().hex, path, target, locale_of(request.headers)),
        )
        async with aclosing(self._inbox.stream(incoming)) as events:
            async for event in events:
                view.take(event)
                if view.status:
                    yield f"<div>{markup.plain(path.name)} {view.status_html()}</div>"
        yield f"<div>{view.html()}</div>"


def _asking(page: ChatPage) -> Update:
    """While an answer is made it can be stopped, and nothing else asked."""
    return {page.send: gr.update(visible=False), page.stop: gr.update(visible=True)}


def _talk_of(thread: str, said: Sequence[Exchange], _: Words) -> Talk:
    bubbles: list[Bubble] = []
    for own in said:
        answer = markup.formatted(own.answer or "", own.message_id, range(1, 1000))
        if own.interrupted or own.answer is None:
            answer += f'<p class="note">{markup.plain(_("[stopped]"))}</p>'
        bubbles.append({"role": "user", "content": markup.plain(own.question)})
        bubbles.append({"role": "assistant", "content": answer or "…"})
    return Talk(thread, tuple(bubbles), tuple((own.message_id, own.question) for own in said))


def _list(listed: Sequence[Opening], current: str, _: Words) -> str:
    """Links: each conversation has an address of its own."""
    if not listed:
        return f'<p class="note">{markup.plain(_("What you ask is kept here."))}</p>'
    lines = []
    for own in listed:
        when = markup.moment(own.last_at, "recent")
        chosen = ' aria-current="true"' if own.thread_id == current else ""
        lines.append(
            f'<li><a href="?{_THREAD}={escape(own.thread_id, quote=True)}"{chosen}>'
            f"<span>{markup.plain(own.title) or '…'}</span> <small>{when}</small></a></li>"
        )
    name = escape(_("Conversations"), quote=True)
    return f'<ul class="talks" aria-label="{name}">{"".join(lines)}</ul>'


def _usual(shelves: Sequence[Shelf]) -> list[str]:
    """What is answered from unless somebody chooses otherwise.

    Nobody is answered from what a member taught in private without having picked it.
    """
    common = [shelf.name for shelf in shelves if shelf.kind != "private"]
    chosen = [name for name in common if name != SAMPLES]
    # The samples serve until the operator has a base of their own.
    return common if chosen in ([], [SHARED]) else chosen


def _named(shelves: Sequence[Shelf], _: Words) -> list[tuple[str, str]]:
    """As people call them, and by what the server knows them."""
    return [(shelf.title(_), shelf.name) for shelf in shelves]


def _own(shelves: Sequence[Shelf]) -> list[Shelf]:
    """Those that can be added to."""
    return [shelf for shelf in shelves if shelf.kind != "samples"]


def _discard(uploads: Sequence[str]) -> None:
    """The files as they were sent, those too that were not got to; nobody asks for them again."""
    for upload in uploads:
        Path(upload).unlink(missing_ok=True)
