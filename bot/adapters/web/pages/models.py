"""Models: those that answer, what fits this machine, what is on the disk, what can be fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from bot.adapters.web import knowledge_view, models_view
from bot.adapters.web.events import Update, explained, facts_of, opening
from bot.adapters.web.frame import Frame, words_for
from bot.adapters.web.modelling import ModelRoom
from bot.adapters.web.parts import Parts
from core.errors import EngineError, UserError
from core.explain import explain
from core.language import N_, Words

_LOOK_SECONDS = 1.5
_TWICE = ("remove", "use", "embed")
"""What is done only when it is pressed once more."""
_NOTHING = ("", "")


@dataclass(frozen=True, slots=True)
class _Page:
    said: gr.HTML
    engines: gr.HTML
    plan: gr.HTML
    models: gr.HTML
    embedders: gr.HTML
    pulls: gr.HTML
    name: gr.Textbox
    look: gr.Timer


def build(frame: Frame, parts: Parts) -> None:
    """The page at `/models`."""
    room = parts.models
    if room is None:
        gr.HTML(frame.label(N_("There is nothing to be seen here.")))
        return
    label = frame.label
    script = (Path(__file__).parent.parent / "acting.js").read_text(encoding="utf-8")
    said = gr.HTML(elem_id="models-said")
    with gr.Row():
        with gr.Column(min_width=300):
            engines = gr.HTML(elem_id="engines", js_on_load=script)
            plan = gr.HTML(elem_id="plan")
            embedders = gr.HTML(elem_id="embedders", js_on_load=script)
        with gr.Column(min_width=300):
            pulls = gr.HTML(elem_id="pulls", js_on_load=script)
            with gr.Row(elem_classes=["line"]):
                name = gr.Textbox(
                    label=label(N_("Another one: owner/name, or owner/name:Q8_0")),
                    max_lines=1,
                    elem_id="pull-name",
                    elem_classes=["changes"],
                    scale=3,
                )
                fetch = gr.Button(
                    label(N_("Fetch")), elem_id="pull", elem_classes=["changes"], min_width=100
                )
            models = gr.HTML(elem_id="models", js_on_load=script)
    look = gr.Timer(_LOOK_SECONDS, active=False)
    page = _Page(said, engines, plan, models, embedders, pulls, name, look)
    visit = _Visit(page, room)
    everything = [said, engines, plan, models, embedders, pulls, look]
    frame.on([opening()], visit.opened, [], everything, show_progress="minimal")
    frame.on([look.tick], visit.looked, [], everything)
    for part in (engines, models, embedders, pulls):
        frame.on([part.select], visit.pressed, [], everything, changes=True,
                 show_progress="minimal")  # fmt: skip
    frame.on([fetch.click, name.submit], visit.fetch, [name], [name, *everything], changes=True)


@dataclass(frozen=True, slots=True)
class _Visit:
    """What happens on the page; everything about a visitor is in the values passed."""

    page: _Page
    room: ModelRoom

    @explained
    async def opened(self, request: gr.Request) -> Update:
        return await self._all(_NOTHING, words_for(request))

    @explained
    async def looked(self, request: gr.Request) -> Update:
        """Every moment, while something is being fetched."""
        page, _ = self.page, words_for(request)
        if not any(one.state == "working" for one in self.room.pulls()):
            # What has come stands in the lists now.
            return await self._all(_NOTHING, _)
        return {page.engines: models_view.engines(await self.room.engines(_), _), **self._pulls(_)}

    @explained
    async def pressed(self, request: gr.Request, event: gr.EventData) -> Update:
        facts, _ = facts_of(event), words_for(request)
        act, name = str(facts.get("act", "")), str(facts.get("name", ""))
        told, failed = "", False
        try:
            told = await self._do(act, name, _)
        except (UserError, EngineError) as error:
            told, failed = explain(error, _) or _("Something went wrong."), True
        update = await self._all((act, name) if act in _TWICE else _NOTHING, _)
        return {**update, self.page.said: knowledge_view.said(told, failed=failed)}

    @explained
    async def fetch(self, name: str, request: gr.Request) -> Update:
        _ = words_for(request)
        self.room.pull(str(name), _)
        return {self.page.name: "", **await self._all(_NOTHING, _)}

    async def _do(self, act: str, name: str, _: Words) -> str:
        """What was done, in words."""
        room = self.room
        match act:
            case "load" | "unload" | "reload":
                return await self._loading(act, name, _)
            case "pull":
                room.pull(name, _)
            case "cancel":
                room.cancel(name)
            case "verify":
                wrong = await room.verify(name, _)
                return "\n".join(wrong) or _("{name} is whole.", name=name)
            case "use-sure":
                return await room.use(name, _)
            case "embed-sure":
                return await room.use_embedder(name, _)
            case "remove-sure":
                size = await room.remove(name)
                return _("{name} is deleted: {size} GB are free again.", name=name,
                         size=f"{size / 1e9:.1f}")  # fmt: skip
        return ""

    async def _loading(self, act: str, name: str, _: Words) -> str:
        """Into the memory of this process, and out of it."""
        if act != "load":
            if not await self.room.unload(name):
                return _("{name} is answering just now: try again soon.", name=name)
            if act == "unload":
                return _("{name} is unloaded; the next question loads it.", name=name)
        await self.room.load(name)
        return _("{name} is loaded.", name=name)

    async def _all(self, asked: models_view.Asked, _: Words) -> Update:
        page, room = self.page, self.room
        return {
            page.said: "",
            page.engines: models_view.engines(await room.engines(_), _),
            page.plan: models_view.plan(await room.plan(_), await room.machine(_), _),
            page.models: models_view.models(await room.models(_), asked, _),
            page.embedders: models_view.embedders(await room.embedders(_), asked, _),
            **self._pulls(_),
        }

    def _pulls(self, _: Words) -> Update:
        found = self.room.pulls()
        working = any(one.state == "working" for one in found)
        page = self.page
        return {page.pulls: models_view.pulls(found, _), page.look: gr.Timer(active=working)}
