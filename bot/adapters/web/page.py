"""The console's page: which components there are, in both languages; no behaviour."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.language import N_, words

LABELS = {
    "bases": N_("Answer from"),
    "target": N_("Add to"),
    "question": N_("Ask about the documents"),
    "send": N_("Ask"),
    "stop": N_("Stop"),
    "new": N_("New conversation"),
    "sources": N_("Sources"),
    "add": N_("Add files"),
    "knowledge": N_("Knowledge"),
    "welcome": N_("Ask a question about the documents, or try one of these."),
}
EXAMPLES = (
    "How long may a club member keep a game from the cupboard at home?",
    "Where is the nearest defibrillator?",
    "雾砚茶业工作满五年的员工有几天年假？",
    "墨蚁笔记免费版最多能在几台设备上同步？",
)
CSS = """
.gradio-container {max-width: 1080px !important; margin: 0 auto}
details.source {border: 1px solid var(--border-color-primary); border-radius: 8px;
  padding: 6px 12px; margin: 6px 0; background: var(--background-fill-primary)}
details.source summary {cursor: pointer; overflow-wrap: anywhere}
details.source blockquote {margin: 8px 0 4px; padding-left: 12px; max-height: 22em;
  overflow: auto; border-left: 3px solid var(--border-color-primary); overflow-wrap: anywhere}
details.source mark {background: #ffe58a; color: #222; border-radius: 3px; padding: 0 2px}
.note {opacity: .75; font-size: .9em}
.failed {color: var(--error-text-color, #b00020)}
footer {display: none !important}
"""


@dataclass(frozen=True, slots=True)
class Page:
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


def translations() -> gr.I18n:
    """The labels for the browser, which shows those of its own language."""

    def catalogue(tag: str) -> dict[str, str]:
        return {key: words(tag)(label) for key, label in LABELS.items()}

    chinese = catalogue("zh_CN")
    return gr.I18n(**{"en": catalogue("en"), "zh": chinese, "zh-CN": chinese, "zh-TW": chinese})


def theme() -> gr.themes.Base:
    """The system's own fonts: no page of ours asks a font service for any."""
    return gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])


def build_page(label: gr.I18n) -> Page:
    """Lay the page out; to be called inside `gr.Blocks()`."""
    talk = gr.State(None)
    # Labels are shown in the browser's language, also where Gradio's types know only `str`.
    gr.Markdown("## Lorekeeper")
    with gr.Row():
        with gr.Column(scale=3):
            bases = gr.Dropdown([], multiselect=True, label=label("bases"), elem_id="bases")
            chatbot = gr.Chatbot(
                height="56vh",
                show_label=False,
                elem_id="chat",
                placeholder=label("welcome"),  # type: ignore[arg-type]
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
                    placeholder=label("question"),
                    show_label=False,
                    container=False,
                    scale=6,
                    max_lines=6,
                    elem_id="question",
                    autofocus=True,
                )
                send = gr.Button(label("send"), variant="primary", scale=1, elem_id="send")
                stop = gr.Button(
                    label("stop"), variant="stop", scale=1, visible=False, elem_id="stop"
                )
            new = gr.Button(label("new"), size="sm", elem_id="new")
        with gr.Column(scale=2):
            with gr.Accordion(label("knowledge"), open=True):
                target = gr.Dropdown([], label=label("target"), elem_id="target")
                upload = gr.UploadButton(
                    label("add"),  # type: ignore[arg-type]
                    file_count="multiple",
                    size="sm",
                    elem_id="upload",
                )
                uploads = gr.HTML(elem_id="uploads")
            with gr.Accordion(label("sources"), open=True):
                sources = gr.HTML(elem_id="sources")
    return Page(
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
