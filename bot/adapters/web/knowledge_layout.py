"""The Knowledge page's components; no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import gradio as gr
from gradio.blocks import Block

from bot.adapters.web.frame import Frame
from bot.adapters.web.knowledge_view import Listed
from core.language import N_

_SCRIPT: Final = Path(__file__).parent / "acting.js"
_LOOK_SECONDS: Final = 1.0
_ORDERS: Final = (
    (N_("by name"), "name"),
    (N_("the last first"), "added"),
    (N_("the largest first"), "size"),
    (N_("the most passages first"), "passages"),
)


@dataclass(frozen=True, slots=True)
class DocumentsPart:
    """What is in a base."""

    picked: gr.State
    listed: gr.State
    wanted: gr.Textbox
    order: gr.Dropdown
    table: gr.HTML
    shown: gr.HTML
    remove: gr.Button
    sure: gr.Group
    question: gr.HTML
    yes: gr.Button
    no: gr.Button


@dataclass(frozen=True, slots=True)
class IntakePart:
    """What is to come into it."""

    drop: gr.HTML
    title: gr.Textbox
    text: gr.Textbox
    whole: gr.Radio
    write: gr.Button
    jobs: gr.HTML
    clear: gr.Button
    look: gr.Timer


@dataclass(frozen=True, slots=True)
class UpkeepPart:
    """What is done with it as a whole."""

    new: gr.Textbox
    create: gr.Button
    name: gr.Textbox
    rename: gr.Button
    typed: gr.Textbox
    delete: gr.Button
    uploaders: gr.Checkbox
    export: gr.Button
    exported: gr.File
    bundle: gr.File
    verify: gr.Button
    vectors: gr.HTML
    reembed: gr.Button
    rebuild: gr.Button
    work: gr.HTML


@dataclass(frozen=True, slots=True)
class KnowledgePage:
    """The components that behaviour is attached to."""

    base: gr.Dropdown
    summary: gr.HTML
    said: gr.HTML
    shelf: DocumentsPart
    intake: IntakePart
    waiting: gr.HTML
    removed: gr.HTML
    upkeep: UpkeepPart

    @property
    def everything(self) -> list[Block]:
        """What shows a base."""
        shelf, intake = self.shelf, self.intake
        return [
            self.summary, shelf.table, shelf.listed, shelf.picked, shelf.remove, shelf.sure,
            shelf.shown, intake.drop, self.waiting, self.removed, *self.progress,
        ]  # fmt: skip

    @property
    def progress(self) -> list[Block]:
        """What shows how far it has come with what it is at work on."""
        intake, upkeep = self.intake, self.upkeep
        return [
            intake.jobs, intake.clear, intake.look, upkeep.work, upkeep.vectors, upkeep.reembed
        ]  # fmt: skip


def laid_out(frame: Frame) -> KnowledgePage:
    """To be called inside the page."""
    label = frame.label
    script = _SCRIPT.read_text(encoding="utf-8")
    with gr.Row(elem_id="shelf"):
        base = gr.Dropdown(
            [],
            label=label(N_("Knowledge base")),
            elem_id="base",
            # Who may see which is not asked of the list, but of the desk.
            allow_custom_value=True,
            scale=2,
        )
        summary = gr.HTML(elem_id="summary", min_width=320)
    said = gr.HTML(elem_id="said")
    # In no tab: it would run only once that is opened.
    look = gr.Timer(_LOOK_SECONDS, active=False)
    with gr.Tabs(elem_id="sections"):
        with gr.Tab(label(N_("Documents")), id="documents"):
            shelf = _documents(frame, script)
        with gr.Tab(label(N_("Add")), id="add"):
            intake = _intake(frame, script, look)
        with gr.Tab(label(N_("Review")), id="review"):
            waiting = gr.HTML(elem_id="waiting", js_on_load=script)
        with gr.Tab(label(N_("Removed")), id="removed"):
            removed = gr.HTML(elem_id="removed", js_on_load=script)
        with gr.Tab(label(N_("This base")), id="upkeep"):
            upkeep = _upkeep(frame)
    return KnowledgePage(base, summary, said, shelf, intake, waiting, removed, upkeep)


def _documents(frame: Frame, script: str) -> DocumentsPart:
    label = frame.label
    with gr.Row():
        wanted = gr.Textbox(
            label=label(N_("Find by name")), elem_id="wanted", max_lines=1, scale=2, min_width=160
        )
        order = gr.Dropdown(
            [(label(title), key) for title, key in _ORDERS],
            value="name",
            label=label(N_("Order")),
            elem_id="order",
            filterable=False,
            min_width=160,
        )
    table = gr.HTML(elem_id="documents", js_on_load=script)
    remove = gr.Button(
        label(N_("Remove what is picked")),
        variant="stop",
        size="sm",
        elem_id="remove",
        elem_classes=["changes"],
        visible=False,
    )
    with gr.Group(visible=False, elem_id="sure", elem_classes=["changes"]) as sure:
        question = gr.HTML(elem_id="sure-question", padding=True)
        with gr.Row():
            yes = gr.Button(label(N_("Remove")), variant="stop", elem_id="sure-yes")
            no = gr.Button(label(N_("Cancel")), elem_id="sure-no")
    shown = gr.HTML(elem_id="passages", js_on_load=script)
    picked, listed = gr.State([]), gr.State(Listed())
    return DocumentsPart(
        picked, listed, wanted, order, table, shown, remove, sure, question, yes, no
    )


def _intake(frame: Frame, script: str, look: gr.Timer) -> IntakePart:
    label = frame.label
    drop = gr.HTML(elem_id="drop", js_on_load=script, elem_classes=["changes"])
    with gr.Accordion(
        label(N_("Write an entry")), open=False, elem_classes=["changes"], elem_id="entry"
    ):
        title = gr.Textbox(label=label(N_("Title")), max_lines=1, elem_id="entry-title")
        text = gr.Textbox(label=label(N_("Text")), lines=6, elem_id="entry-text")
        whole = gr.Radio(
            [
                (label(N_("split at its headings and paragraphs")), "split"),
                (label(N_("whole: one passage, as far as the embedding model reads")), "whole"),
            ],
            value="split",
            label=label(N_("It is kept")),
            elem_id="entry-whole",
        )
        write = gr.Button(label(N_("Add the entry")), variant="primary", elem_id="entry-add")
    jobs = gr.HTML(elem_id="jobs")
    clear = gr.Button(
        label(N_("Do not show what is done")),
        size="sm",
        elem_id="jobs-clear",
        elem_classes=["changes"],
        visible=False,
    )
    return IntakePart(drop, title, text, whole, write, jobs, clear, look)


def _upkeep(frame: Frame) -> UpkeepPart:
    label = frame.label

    def field(title: str, name: str) -> gr.Textbox:
        return gr.Textbox(
            label=label(title), max_lines=1, elem_id=name, elem_classes=["changes"], scale=3
        )

    def act(title: str, name: str, variant: Literal["primary", "secondary", "stop"]) -> gr.Button:
        return gr.Button(
            label(title), variant=variant, elem_id=name, elem_classes=["changes"], min_width=120
        )

    with gr.Row(elem_classes=["line"]):
        new = field(N_("A new base: its name"), "new-name")
        create = act(N_("Make"), "create", "primary")
    with gr.Row(elem_classes=["line"]):
        name = field(N_("Another name for this base"), "other-name")
        rename = act(N_("Rename"), "rename", "secondary")
    with gr.Row(elem_classes=["line"]):
        typed = field(N_("To delete this base for good, type its name"), "typed-name")
        delete = act(N_("Delete"), "delete", "stop")
    with gr.Row(elem_classes=["line"]):
        uploaders = gr.Checkbox(
            label=label(N_("Say in the export who added what")),
            value=True,
            elem_classes=["changes"],
            scale=3,
        )
        export = act(N_("Export"), "export", "secondary")
    exported = gr.File(
        label=label(N_("Exported, to be fetched within 15 minutes")),
        visible=False,
        elem_id="exported",
        elem_classes=["changes"],
    )
    bundle = gr.File(
        label=label(N_("Import: a file that was exported")),
        file_types=[".zip"],
        elem_id="bundle",
        height=120,
        elem_classes=["changes"],
    )
    vectors = gr.HTML(elem_id="vectors")
    with gr.Row(elem_classes=["line"]):
        reembed = act(N_("Embed it anew now"), "reembed", "primary")
        verify = act(N_("Check this base"), "verify", "secondary")
        rebuild = act(N_("Make its indexes anew"), "rebuild", "secondary")
    work = gr.HTML(elem_id="work")
    return UpkeepPart(
        new, create, name, rename, typed, delete, uploaders, export, exported, bundle, verify,
        vectors, reembed, rebuild, work,
    )  # fmt: skip
