"""Chat: ask, watch the answer come, open its sources, judge it, go on with what was said before."""

from __future__ import annotations

from dataclasses import dataclass, fields

import gradio as gr
from gradio.blocks import Block

from bot.adapters.web.frame import Frame
from bot.adapters.web.parts import Parts
from bot.adapters.web.visit import Visit
from core.language import N_

EXAMPLES = (
    "How long may a club member keep a game from the cupboard at home?",
    "Where is the nearest defibrillator?",
    "雾砚茶业工作满五年的员工有几天年假？",
    "墨蚁笔记免费版最多能在几台设备上同步？",
)
_CITING = """window.addEventListener("lorekeeper-cite", (event) => {
  if (element.isConnected) trigger("input", {cite: event.detail});
});"""
"""A marker that is pressed (console.js) is an event of the sources, which show what it opens."""


@dataclass(frozen=True, slots=True)
class ChatPage:
    """The components that behaviour is attached to."""

    talk: gr.State
    bases: gr.Dropdown
    chatbot: gr.Chatbot
    question: gr.Textbox
    send: gr.Button
    stop: gr.Button
    status: gr.HTML
    sources: gr.HTML
    new: gr.Button
    conversations: gr.HTML
    remove: gr.Button
    removing: gr.Group
    keep: gr.Button
    remove_now: gr.Button
    target: gr.Dropdown
    upload: gr.UploadButton
    uploads: gr.HTML


@dataclass(frozen=True, slots=True)
class _Talking:
    """The column in which one talks."""

    bases: gr.Dropdown
    chatbot: gr.Chatbot
    question: gr.Textbox
    send: gr.Button
    stop: gr.Button
    status: gr.HTML


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands beside it."""

    sources: gr.HTML
    new: gr.Button
    conversations: gr.HTML
    remove: gr.Button
    removing: gr.Group
    keep: gr.Button
    remove_now: gr.Button
    target: gr.Dropdown
    upload: gr.UploadButton
    uploads: gr.HTML


def build(frame: Frame, parts: Parts) -> None:
    """The page at `/`."""
    with gr.Row(elem_id="content"):
        with gr.Column(scale=3, min_width=300):
            talking = _talking(frame)
        with gr.Column(scale=2, min_width=280):
            beside = _beside(frame)
    page = ChatPage(
        talk=gr.State(None),
        bases=talking.bases,
        chatbot=talking.chatbot,
        question=talking.question,
        send=talking.send,
        stop=talking.stop,
        status=talking.status,
        sources=beside.sources,
        new=beside.new,
        conversations=beside.conversations,
        remove=beside.remove,
        removing=beside.removing,
        keep=beside.keep,
        remove_now=beside.remove_now,
        target=beside.target,
        upload=beside.upload,
        uploads=beside.uploads,
    )
    _attach(frame, page, Visit(page, parts.inbox, parts.shelves, parts.talks, parts.plain_engine))


def _talking(frame: Frame) -> _Talking:
    label = frame.label
    bases = gr.Dropdown(
        [],
        multiselect=True,
        label=label(N_("Answer from")),
        info=label(N_("None: the model answers from what it knows itself.")),
        elem_id="bases",
    )
    chatbot = gr.Chatbot(
        height="min(60vh, 640px)",
        label=label(N_("Conversation")),
        show_label=False,
        elem_id="chat",
        placeholder=label(N_("Ask a question about the documents, or try one of these.")),
        examples=[{"text": text} for text in EXAMPLES],
        buttons=["copy"],
        feedback_options=("Like", "Dislike"),
        latex_delimiters=[],
        allow_tags=False,
        layout="bubble",
    )
    status = gr.HTML(elem_id="status")
    with gr.Row(equal_height=True, elem_id="asking"):
        question = gr.Textbox(
            placeholder=label(N_("Ask about the documents")),
            label=label(N_("Ask about the documents")),
            show_label=False,
            container=False,
            scale=6,
            min_width=160,
            max_lines=6,
            elem_id="question",
            autofocus=True,
        )
        send = gr.Button(label(N_("Ask")), variant="primary", scale=1, min_width=80, elem_id="send")
        stop = gr.Button(
            label(N_("Stop")),
            variant="stop",
            scale=1,
            min_width=80,
            visible=False,
            elem_id="stop",
        )
    return _Talking(bases, chatbot, question, send, stop, status)


def _beside(frame: Frame) -> _Beside:
    label = frame.label
    with gr.Accordion(label(N_("Sources")), open=True):
        sources = gr.HTML(elem_id="sources", js_on_load=_CITING)
    with gr.Accordion(label(N_("Conversations")), open=True):
        new = gr.Button(label(N_("New conversation")), size="sm", elem_id="new")
        conversations = gr.HTML(elem_id="conversations")
        remove = gr.Button(
            label(N_("Delete this conversation")), size="sm", visible=False, elem_id="remove"
        )
        with gr.Group(visible=False, elem_id="removing") as removing:
            gr.Markdown(label(N_("Delete this conversation, with its answers, for good?")))
            with gr.Row():
                keep = gr.Button(label(N_("Keep it")), size="sm", min_width=80, elem_id="keep")
                remove_now = gr.Button(
                    label(N_("Delete")),
                    variant="stop",
                    size="sm",
                    min_width=80,
                    elem_id="remove-now",
                )
    with gr.Accordion(label(N_("Add files")), open=True, elem_classes=["changes"]):
        target = gr.Dropdown([], label=label(N_("Add to")), elem_id="target")
        upload = gr.UploadButton(
            label(N_("Add files")), file_count="multiple", size="sm", elem_id="upload"
        )
        uploads = gr.HTML(elem_id="uploads")
    return _Beside(
        sources,
        new,
        conversations,
        remove,
        removing,
        keep,
        remove_now,
        target,
        upload,
        uploads,
    )


def _attach(frame: Frame, page: ChatPage, visit: Visit) -> None:
    """Tie what visitors do to what happens."""
    on = frame.on
    talk: list[Block] = [page.talk, page.chatbot, page.question, page.send, page.stop, page.sources]
    talk += [page.status, page.conversations, page.remove, page.removing]
    asking = [page.question, page.bases, page.talk]
    frame.opened(visit.opened, [], [getattr(page, own.name) for own in fields(page)])
    frame.left(visit.left)
    on([page.question.submit, page.send.click], visit.asked, asking, talk)
    on([page.chatbot.example_select], visit.example, [page.bases, page.talk], talk)
    on([page.chatbot.retry], visit.again, [page.bases, page.talk], talk)
    on([page.chatbot.like], visit.judged, [page.talk], [page.status])
    on([page.stop.click], visit.stopped, [page.talk], [])
    on([page.new.click, page.chatbot.clear], visit.renewed, [], talk)
    on([page.sources.input], visit.cited, [page.talk], [page.sources])
    on([page.remove.click], visit.asks_whether, [], [page.remove, page.removing])
    on([page.keep.click], visit.kept, [], [page.remove, page.removing])
    on([page.remove_now.click], visit.removed, [page.talk], talk)
    on(
        [page.upload.upload],
        visit.uploaded,
        [page.upload, page.target, page.bases],
        [page.uploads, page.bases, page.target],
        changes=True,
    )
