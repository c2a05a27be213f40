"""The console's chat page: ask, watch the answer come, read its sources, add files."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import gradio as gr
from fastapi import FastAPI

from bot.adapters.web import markup
from bot.adapters.web.page import CSS, Page, build_page, theme, translations
from bot.adapters.web.requests import addition, locale_of, message, stop_request
from bot.adapters.web.view import ReplyView
from bot.settings import WebSettings
from core.access import SAMPLES, SHARED
from core.language import words
from core.ports import Inbox

Bubble: TypeAlias = dict[str, str]
Update: TypeAlias = dict[object, object]
Updates: TypeAlias = AsyncGenerator[Update, None]
ListBases: TypeAlias = Callable[[], Awaitable[Sequence[str]]]


@dataclass(slots=True)
class Talk:
    """One conversation on one open page."""

    thread: str = field(default_factory=lambda: uuid.uuid4().hex)
    bubbles: tuple[Bubble, ...] = ()


class Console:
    """Shows the one pipeline of every surface on a page."""

    def __init__(self, inbox: Inbox, bases: ListBases) -> None:
        self._inbox = inbox
        self._bases = bases

    def mount(self, app: FastAPI, settings: WebSettings) -> None:
        """Put the page at `/`."""
        label = translations()
        with gr.Blocks(title="Lorekeeper", analytics_enabled=False, fill_width=True) as blocks:
            page = build_page(label)
            _attach(blocks, page, _Visit(page, self._inbox, self._bases))
        password = settings.password
        gr.mount_gradio_app(
            app,
            blocks,
            path="/",
            auth=(settings.username, password.get_secret_value()) if password else None,
            theme=theme(),
            css=CSS,
            i18n=label,
            ssr_mode=False,
            mcp_server=False,
            enable_monitoring=False,
            footer_links=[],
            show_error=False,
        )


def _attach(blocks: gr.Blocks, page: Page, visit: _Visit) -> None:
    """Tie what visitors do to what happens."""

    def on(
        triggers: list[Callable[..., object]],
        function: Callable[..., object],
        inputs: Sequence[gr.Component],
        outputs: Sequence[gr.Component],
    ) -> None:
        # Without a limit of Gradio's own: the engine's fair queue decides who waits.
        gr.on(
            triggers,
            function,
            inputs,
            outputs,
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        )

    answer = [page.talk, page.chatbot, page.question, page.send, page.stop]
    answer += [page.sources, page.status]
    asking = [page.question, page.bases, page.talk]
    on([blocks.load], visit.opened, [], [page.talk, page.bases, page.target])
    blocks.unload(visit.left)
    on([page.question.submit, page.send.click], visit.asked, asking, answer)
    on([page.chatbot.example_select], visit.example, [page.bases, page.talk], answer)
    on([page.stop.click], visit.stopped, [page.talk], [])
    on([page.new.click, page.chatbot.clear], visit.renewed, [], answer)
    on(
        [page.upload.upload],
        visit.uploaded,
        [page.upload, page.target, page.bases],
        [page.uploads, page.bases, page.target],
    )


class _Visit:
    """What happens on the page; everything about a visitor is in the values passed."""

    def __init__(self, page: Page, inbox: Inbox, bases: ListBases) -> None:
        self._page = page
        self._inbox = inbox
        self._bases = bases
        self._under_way: dict[str, str] = {}
        """Open page to the conversation in which its answer is being made."""

    async def opened(self) -> Update:
        page = self._page
        names = list(await self._bases())
        own = [name for name in names if name != SAMPLES]
        # The samples serve until the operator has a base of their own.
        chosen = names if own in ([], [SHARED]) else own
        return {
            page.talk: Talk(),
            page.bases: gr.update(choices=names, value=chosen),
            page.target: gr.update(choices=own or [SHARED], value=SHARED),
        }

    async def asked(
        self, text: str, bases: list[str], talk: Talk | None, request: gr.Request
    ) -> Updates:
        page = self._page
        if not text.strip():
            return
        talk = talk or Talk()
        locale = locale_of(request.headers)
        view = ReplyView(words(locale))
        before = (*talk.bubbles, {"role": "user", "content": markup.plain(text.strip())})

        def shown() -> Update:
            talk.bubbles = (*before, {"role": "assistant", "content": view.html()})
            return {page.chatbot: list(talk.bubbles), page.status: view.status_html()}

        asking: Update = {page.send: gr.update(visible=False), page.stop: gr.update(visible=True)}
        yield {**shown(), **asking, page.talk: talk, page.question: "", page.sources: ""}
        incoming = message(talk.thread, text.strip(), bases=bases, locale=locale)
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
            page.talk: talk,
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

    async def renewed(self) -> Update:
        page = self._page
        return {page.talk: Talk(), page.chatbot: [], page.sources: "", page.status: ""}

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
        names = list(await self._bases())
        yield {
            page.bases: gr.update(
                choices=names, value=[name for name in names if name in {*bases, target}]
            ),
            page.target: gr.update(choices=[name for name in names if name != SAMPLES]),
        }

    async def _added(
        self, path: Path, target: str, request: gr.Request
    ) -> AsyncGenerator[str, None]:
        """How far one file has come, in a line of its own."""
        locale = locale_of(request.headers)
        view = ReplyView(words(locale))
        incoming = addition(uuid.uuid4().hex, path, target, locale)
        async with aclosing(self._inbox.stream(incoming)) as events:
            async for event in events:
                view.take(event)
                if view.status:
                    yield f"<div>{markup.plain(path.name)} {view.status_html()}</div>"
        yield f"<div>{view.html()}</div>"


def _discard(uploads: Sequence[str]) -> None:
    """The files as they were sent, those too that were not got to; nobody asks for them again."""
    for upload in uploads:
        Path(upload).unlink(missing_ok=True)
