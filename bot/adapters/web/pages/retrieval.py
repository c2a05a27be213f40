"""Retrieval test: one question through every stage, many golden ones, and the threshold."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from bot.adapters.web.events import opening
from bot.adapters.web.frame import Frame
from bot.adapters.web.parts import Parts
from bot.adapters.web.trial import LONGEST_JOINED, MOST_PASSAGES, Trial
from bot.adapters.web.trial_visit import Found, TrialPage, TrialVisit
from core.language import N_

_LEGS = ((N_("meaning and words"), "both"), (N_("meaning"), "dense"), (N_("words"), "lexical"))


_FORMAT = N_(
    "One a line: question | document | words that the passage says. Where there is no answer: "
    "question | -. A file may have a JSON object a line, with question, document and words."
)


@dataclass(frozen=True, slots=True)
class _Knobs:
    """What the search is tried with."""

    threshold: gr.Slider
    passages: gr.Slider
    legs: gr.Radio
    joins: gr.Checkbox
    longest: gr.Slider
    again: gr.Checkbox

    @property
    def search(self) -> list[gr.Component]:
        """What a search depends on; not on the threshold."""
        return [self.passages, self.legs, self.joins, self.longest, self.again]


@dataclass(frozen=True, slots=True)
class _Pressed:
    """What can be pressed."""

    search: gr.Button
    save: gr.Button
    answer: gr.Button
    file: gr.UploadButton
    run: gr.Button
    stop: gr.Button


def build(frame: Frame, parts: Parts) -> None:
    """The page at `/retrieval`."""
    if parts.trial is None:
        gr.HTML(frame.label(N_("There is nothing to be seen here.")))
        return
    label = frame.label
    bases = gr.Dropdown([], multiselect=True, label=label(N_("Search in")), elem_id="trial-bases")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            question = gr.Textbox(
                label=label(N_("Question")), elem_id="trial-question", max_lines=3
            )
            search = gr.Button(label(N_("Search")), variant="primary", elem_id="trial-search")
            said = gr.HTML(elem_id="trial-said")
            save, channel = _saving(frame)
        with gr.Column(scale=1, min_width=280):
            knobs = _knobs(frame, parts.trial)
    with gr.Tabs():
        with gr.Tab(label(N_("What was found")), id="found"):
            verdict = gr.HTML(elem_id="trial-verdict")
            plot = gr.HTML(elem_id="trial-plot")
            table = gr.HTML(elem_id="trial-table")
        with gr.Tab(label(N_("Stages")), id="stages"):
            asked, legs, origins, second = _searching(frame, parts.trial.reranker)
            passages, engine, prompt, answer, answered = _stages(frame)
        with gr.Tab(label(N_("Golden questions")), id="golden"):
            golden, file, run, stop, report, suggest, outcomes = _golden(frame)
    page = TrialPage(
        bases, question, said, channel, verdict, plot, table, asked, legs, origins, second,
        passages,        engine, prompt,
        answered, golden,
        report, suggest, outcomes, knobs.threshold, gr.State(Found()),
    )  # fmt: skip
    _attach(
        frame,
        page,
        knobs,
        _Pressed(search, save, answer, file, run, stop),
        TrialVisit(page, parts.trial),
    )


def _attach(
    frame: Frame, page: TrialPage, knobs: _Knobs, pressed: _Pressed, visit: TrialVisit
) -> None:
    on, found, threshold = frame.on, page.found, knobs.threshold
    on([opening()], visit.opened, [], [page.bases, page.engine, page.channel])
    cut = [page.verdict, page.plot, page.table]
    on(
        [pressed.search.click, page.question.submit],
        visit.searched,
        [page.bases, page.question, *knobs.search, threshold, page.engine, found],
        [
            page.said,
            *cut,
            page.asked,
            page.legs,
            page.origins,
            page.second,
            page.passages,
            page.prompt,
            page.answered,
            found,
        ],
        show_progress="minimal",
    )
    told = [page.report, page.suggest, page.outcomes]
    on([threshold.change], visit.cut, [threshold, found], [*cut, *told])
    on([page.engine.input], visit.turned, [page.engine, found], [page.prompt, page.answered])
    on([pressed.answer.click], visit.answered, [page.engine, found], [page.answered])
    on([pressed.file.upload], visit.read, [pressed.file], [page.golden, page.said])
    on(
        [pressed.run.click],
        visit.tried,
        [page.bases, page.golden, *knobs.search, threshold, found],
        [page.said, *told, found],
    )
    on([pressed.stop.click], visit.stopped)
    on([page.suggest.click], visit.suggested, [found], [threshold])
    saved = [page.channel, threshold, knobs.passages]
    on([pressed.save.click], visit.saved, saved, [page.said], changes=True)


def _searching(frame: Frame, reranker: str | None) -> tuple[gr.HTML, gr.HTML, gr.HTML, gr.HTML]:
    label = frame.label
    with gr.Accordion(label(N_("The question as searched"))):
        asked = gr.HTML(elem_id="trial-asked")
    with gr.Accordion(label(N_("Each leg by itself")), elem_id="trial-both"):
        legs = gr.HTML(elem_id="trial-legs")
    with gr.Accordion(label(N_("Sections and chunks")), open=False, elem_id="trial-cut"):
        origins = gr.HTML(elem_id="trial-origins")
    with gr.Accordion(label(N_("The second look")), visible=reranker is not None):
        second = gr.HTML(elem_id="trial-second")
    return asked, legs, origins, second


def _stages(frame: Frame) -> tuple[gr.HTML, gr.Dropdown, gr.HTML, gr.Button, gr.HTML]:
    label = frame.label
    with gr.Accordion(label(N_("The passages for the answer"))):
        passages = gr.HTML(elem_id="trial-passages")
    engine = gr.Dropdown([], label=label(N_("Model")), elem_id="trial-engine")
    with gr.Accordion(label(N_("The prompt as sent")), open=False, elem_id="trial-sent"):
        prompt = gr.HTML(elem_id="trial-prompt")
    answer = gr.Button(label(N_("Answer")), elem_id="trial-answer")
    answered = gr.HTML(elem_id="trial-answered")
    return passages, engine, prompt, answer, answered


def _golden(
    frame: Frame,
) -> tuple[gr.Textbox, gr.UploadButton, gr.Button, gr.Button, gr.HTML, gr.Button, gr.HTML]:
    label = frame.label
    golden = gr.Textbox(
        label=label(N_("Golden questions")),
        info=label(_FORMAT),
        lines=6,
        max_lines=16,
        elem_id="golden",
    )
    with gr.Row():
        file = gr.UploadButton(
            label(N_("Read a file")), file_types=[".jsonl", ".txt"], elem_id="golden-file"
        )
        run = gr.Button(label(N_("Try them")), variant="primary", elem_id="golden-run")
        stop = gr.Button(label(N_("Stop")), elem_id="golden-stop")
    report = gr.HTML(elem_id="golden-report")
    suggest = gr.Button(
        label(N_("Use the suggested threshold")), elem_id="golden-suggest", visible=False
    )
    return golden, file, run, stop, report, suggest, gr.HTML(elem_id="golden-outcomes")


def _saving(frame: Frame) -> tuple[gr.Button, gr.Dropdown]:
    label = frame.label
    with gr.Accordion(
        label(N_("Save for a channel")), open=False, elem_classes=["changes"], elem_id="trial-save"
    ):
        channel = gr.Dropdown([], label=label(N_("Channel")), elem_id="trial-channel")
        save = gr.Button(
            label(N_("Save its threshold and number of passages")), elem_id="trial-save-now"
        )
    return save, channel


def _knobs(frame: Frame, trial: Trial) -> _Knobs:
    label, has_reranker = frame.label, trial.reranker is not None
    return _Knobs(
        gr.Slider(
            0, 1, value=trial.threshold, step=0.01, label=label(N_("Threshold")),
            elem_id="threshold",
        ),
        gr.Slider(
            1, MOST_PASSAGES, value=trial.passages, step=1, label=label(N_("Passages")),
            elem_id="passages-wanted",
        ),
        gr.Radio(
            [(label(title), key) for title, key in _LEGS],
            value="both",
            label=label(N_("Search by")),
            elem_id="legs",
        ),
        gr.Checkbox(
            label=label(N_("With what stands around each passage")), elem_id="joins"
        ),
        gr.Slider(
            200, LONGEST_JOINED, value=1500, step=100,
            label=label(N_("Characters of a passage with it, at most")), elem_id="longest",
        ),
        # Only where there is one: a switch that does nothing would tell something else.
        gr.Checkbox(
            label=label(N_("With a second look by the reranker")), value=has_reranker,
            visible=has_reranker, elem_id="again",
        ),
    )  # fmt: skip
