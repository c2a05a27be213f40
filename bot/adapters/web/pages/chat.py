"""Chat: ask, watch the answer come, read its sources, add files."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import gradio as gr

from bot.adapters.web import markup
from bot.adapters.web.frame import Frame, words_for
from bot.adapters.web.parts import ListBases, Parts
from bot.adapters.web.requests import addition, locale_of, message, stop_request
from bot.adapters.web.view import ReplyView
from core.access import SAMPLES, SHARED
from core.language import N_
from core.ports import Inbox

Bubble: TypeAlias = dict[str, str]
Update: TypeAlias = dict[object, object]
Updates: TypeAlias = AsyncGenerator[Update, None]

EXAMPLES = (
    "How long may a club member keep a game from the cupboard at home?",
    "Where is the nearest defibrillator?",
    "雾砚茶业工作满五年的员工有几天年假？",
    "墨蚁笔记免费版最多能在几台设备上同步？",
)


@dataclass(slots=True)
class Talk:
    """One conversation on one open page."""

    thread: str = field(default_factory=lambda: uuid.uuid4().hex)
    bubbles: tuple[Bubble, ...] = ()


@dataclass(frozen=True, slots=True)
class _Page:
    """The components that behaviour is attached to."""

    talk: gr.State
    bases: gr.Dropdown
    target: gr.Dropdown
    chatbot: gr.Chatbot
    question: gr.Textbox
    send: gr.Button
    stop: gr.Button
    new: gr.Button
    sources: gr.HTML
    status: gr.HTML
    upload: gr.UploadButton
    uploads: gr.HTML


def build(frame: Frame, parts: Parts) -> None:
    """The page at `/`."""
    page = _laid_out(frame)
    _attach(frame, page, _Visit(page, parts.inbox, parts.bases))


def _laid_out(frame: Frame) -> _Page:
    label = frame.label
    talk = gr.State(None)
    with gr.Row():
        with gr.Column(scale=3):
            bases = gr.Dropdown(
                [], multiselect=True, label=label(N_("Answer from")), elem_id="bases"
            )
            chatbot = gr.Chatbot(
                height="56vh",
                show_label=False,
                elem_id="chat",
                placeholder=label(N_("Ask a question about the documents, or try one of these.")),
                examples=[{"text": text} for text in EXAMPLES],
                buttons=["copy"],
                feedback_options=None,
                latex_delimiters=[],
                allow_tags=False,
                layout="bubble",
            )
            status = gr.HTML(elem_id="status")
            with gr.Row():
                question = gr.Textbox(
                    placeholder=label(N_("Ask about the documents")),
                    show_label=False,
                    container=False,
                    scale=6,
                    max_lines=6,
                    elem_id="question",
                    autofocus=True,
                )
                send = gr.Button(label(N_("Ask")), variant="primary", scale=1, elem_id="send")
                stop = gr.Button(
                    label(N_("Stop")), variant="stop", scale=1, visible=False, elem_id="stop"
                )
            new = gr.Button(label(N_("New conversation")), size="sm", elem_id="new")
        with gr.Column(scale=2):
            with gr.Accordion(label(N_("Knowledge")), open=True):
                target = gr.Dropdown([], label=label(N_("Add to")), elem_id="target")
                upload = gr.UploadButton(
                    label(N_("Add files")),
                    file_count="multiple",
                    size="sm",
                    elem_id="upload",
                )
                uploads = gr.HTML(elem_id="uploads")
            with gr.Accordion(label(N_("Sources")), open=True):
                sources = gr.HTML(elem_id="sources")
    return _Page(
        talk=talk,
        bases=bases,
        target=target,
        chatbot=chatbot,
        question=question,
        send=send,
        stop=stop,
        new=new,
        sources=sources,
        status=status,
        upload=upload,
        uploads=uploads,
    )


def _attach(frame: Frame, page: _Page, visit: _Visit) -> None:
    """Tie what visitors do to what happens."""

    on = frame.on
    answer = [page.talk, page.chatbot, page.question, page.send, page.stop]
    answer += [page.sources, page.status]
    asking = [page.question, page.bases, page.talk]
    frame.opened(visit.opened, [], [page.talk, page.bases, page.target])
    frame.left(visit.left)
    on([page.question.submit, page.send.click], visit.asked, asking, answer)
    on([page.chatbot.example_select], visit.example, [page.bases, page.talk], answer)
    on([page.stop.click], visit.stopped, [page.talk], [])
    on([page.new.click, page.chatbot.clear], visit.renewed, [], answer)
    on(
        [page.upload.upload],
        visit.uploaded,
        [page.upload, page.target, page.bases],
        [page.uploads, page.bases, page.target],
        changes=True,
    )


class _Visit:
    """What happens on the page; everything about a visitor is in the values passed."""

    def __init__(self, page: _Page, inbox: Inbox, bases: ListBases) -> None:
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
        view = ReplyView(words_for(request))
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
        view = ReplyView(words_for(request))
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
