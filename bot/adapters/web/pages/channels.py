"""Channels: who is served, what holds in each channel, and how a persona would answer."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from bot.adapters.web.channel_visit import ChannelVisit
from bot.adapters.web.frame import Frame
from bot.adapters.web.parts import Parts
from core.channel_settings import LONGEST_PERSONA, SETTINGS
from core.language import N_


@dataclass(frozen=True, slots=True)
class ChannelsPage:
    """The components that behaviour is attached to."""

    waiting: gr.HTML
    applicant: gr.Dropdown
    approve: gr.Button
    refuse: gr.Button
    channel: gr.Dropdown
    where: gr.Radio
    fields: tuple[gr.Dropdown | gr.Textbox, ...]
    save: gr.Button
    said: gr.HTML
    question: gr.Textbox
    preview: gr.Button
    answer: gr.HTML


def build(frame: Frame, parts: Parts) -> None:
    """The page at `/channels`."""
    if parts.channels is None:
        return
    label = frame.label
    with gr.Accordion(label(N_("Who is served")), open=True):
        waiting = gr.HTML(elem_id="applicants")
        with gr.Row(elem_classes=["changes"]):
            applicant = gr.Dropdown(
                [], label=label(N_("Server, group or person")), scale=3, elem_id="applicant"
            )
            approve = gr.Button(
                label(N_("Approve")), variant="primary", min_width=100, elem_id="approve"
            )
            refuse = gr.Button(
                label(N_("Refuse, and leave")), variant="stop", min_width=100, elem_id="refuse"
            )
    with gr.Row(elem_id="content"):
        channel = gr.Dropdown([], label=label(N_("Channel")), scale=3, elem_id="channel")
        where = gr.Radio(
            [(label(N_("this channel")), "channel"), (label(N_("its whole server")), "server")],
            value="channel",
            label=label(N_("Settings of")),
            scale=2,
            elem_id="where",
        )
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            with gr.Column(elem_id="settings"):
                fields = tuple(_fields(frame))
            save = gr.Button(
                label(N_("Save")), variant="primary", elem_id="save", elem_classes=["changes"]
            )
            said = gr.HTML(elem_id="said")
        with gr.Column(scale=2, min_width=280):
            question = gr.Textbox(
                label=label(N_("Try the persona with a question")),
                elem_id="preview-question",
                max_lines=3,
            )
            preview = gr.Button(label(N_("Preview")), elem_id="preview")
            answer = gr.HTML(elem_id="preview-answer")
    page = ChannelsPage(
        waiting,
        applicant,
        approve,
        refuse,
        channel,
        where,
        fields,
        save,
        said,
        question,
        preview,
        answer,
    )
    _attach(frame, page, ChannelVisit(page, parts.channels, parts.inbox))


def _fields(frame: Frame) -> list[gr.Dropdown | gr.Textbox]:
    made: list[gr.Dropdown | gr.Textbox] = []
    for setting in SETTINGS:
        name, own_id = frame.label(setting.label), f"set-{setting.key}"
        if setting.key == "persona":
            made.append(
                gr.Textbox(
                    label=name, lines=3, max_lines=8, max_length=LONGEST_PERSONA, elem_id=own_id
                )
            )
        else:
            made.append(
                gr.Dropdown([], label=name, allow_custom_value=setting.free, elem_id=own_id)
            )
    return made


def _attach(frame: Frame, page: ChannelsPage, visit: ChannelVisit) -> None:
    on = frame.on
    looked: list[Block] = [*page.fields, page.where, page.said, page.answer]
    frame.opened(visit.opened, [], [page.waiting, page.applicant, page.channel, *looked])
    on([page.channel.input], visit.chosen, [page.channel, page.where], looked)
    on([page.where.input], visit.chosen, [page.channel, page.where], looked)
    on(
        [page.save.click],
        visit.saved,
        [page.channel, page.where, *page.fields],
        looked,
        changes=True,
    )
    decided: list[Block] = [page.waiting, page.applicant]
    on([page.approve.click], visit.approved, [page.applicant], decided, changes=True)
    on([page.refuse.click], visit.refused, [page.applicant], decided, changes=True)
    place = next(n for n, own in enumerate(SETTINGS) if own.key == "persona")
    tried = [page.channel, page.fields[place], page.question]
    on([page.preview.click, page.question.submit], visit.previewed, tried, [page.answer])
