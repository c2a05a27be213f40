"""Knowledge: the bases of all channels, their documents, what is on its way into them."""

from __future__ import annotations

import gradio as gr
from gradio.blocks import Block

from bot.adapters.web.events import opening
from bot.adapters.web.frame import Frame, operators_only
from bot.adapters.web.knowledge_changes import Changes
from bot.adapters.web.knowledge_layout import KnowledgePage, laid_out
from bot.adapters.web.knowledge_looks import Looks
from bot.adapters.web.parts import Parts
from core.language import N_


def build(frame: Frame, parts: Parts) -> None:
    """The page at `/knowledge`."""
    if parts.desk is None:
        gr.HTML(frame.label(N_("There is nothing to be seen here.")))
        return
    page = laid_out(frame)
    looks = Looks(page, parts.desk)
    _attach(frame, page, looks, Changes(looks))


def _attach(frame: Frame, page: KnowledgePage, looks: Looks, changes: Changes) -> None:
    on = frame.on
    base, every, shelf = page.base, page.everything, page.shelf
    listed, picked, sure = shelf.listed, shelf.picked, shelf.sure
    on([opening()], looks.opened, [], [base, *every])
    on([base.input], looks.turned, [base], every)
    table: list[Block] = [shelf.table, listed, picked, shelf.remove, sure]
    sought = [base, shelf.wanted, shelf.order]
    on([shelf.wanted.input, shelf.order.input], looks.looked_for, sought, table)
    pressed = [*table, shelf.shown, shelf.question]
    on([shelf.table.select, shelf.shown.select], looks.pressed, [base, listed], pressed)
    on([shelf.table.input], looks.picked, [], [picked, shelf.remove, sure])
    on([shelf.remove.click], looks.asks, [picked], [sure, shelf.question])
    on([shelf.no.click], looks.thought_better, [], [sure, picked, shelf.remove])
    removing = [base, listed, picked]
    on([shelf.yes.click], changes.remove, removing, [page.said, *every], changes=True)
    for part in (page.waiting, page.removed):
        on([part.select], changes.decided, [base, listed], [page.said, *every], changes=True)
    _attach_intake(frame, page, looks, changes)
    _attach_upkeep(frame, page, changes)


def _attach_intake(frame: Frame, page: KnowledgePage, looks: Looks, changes: Changes) -> None:
    base, intake, shelf = page.base, page.intake, page.shelf
    progress = page.progress
    for sender in (intake.drop, shelf.table):
        # Files come one by one, while those before them are still being taken over.
        gr.on(
            [sender.upload],
            operators_only(changes.sent),
            [base],
            progress,
            concurrency_limit=None,
            show_progress="hidden",
            trigger_mode="multiple",
            api_visibility="private",
        )
    shown = [*progress, shelf.table, page.summary]
    frame.on([intake.look.tick], looks.looked, [base, shelf.listed, shelf.picked], shown)
    frame.on([intake.clear.click], changes.cleared, [base], progress, changes=True)
    entry = [intake.title, intake.text]
    outputs = [page.said, *entry, *progress]
    written = [base, *entry, intake.whole]
    frame.on([intake.write.click], changes.wrote, written, outputs, changes=True)


def _attach_upkeep(frame: Frame, page: KnowledgePage, changes: Changes) -> None:
    base, said, every, upkeep = page.base, page.said, page.everything, page.upkeep
    for triggers, function, inputs, outputs in (
        ((upkeep.create.click, upkeep.new.submit), changes.create, [upkeep.new],
         [base, upkeep.new, *every]),
        ((upkeep.rename.click, upkeep.name.submit), changes.rename, [base, upkeep.name],
         [base, upkeep.name, *every]),
        ((upkeep.delete.click,), changes.delete, [base, upkeep.typed],
         [base, upkeep.typed, *every]),
        ((upkeep.export.click,), changes.export, [base, upkeep.uploaders], [upkeep.exported]),
        ((upkeep.bundle.upload,), changes.imports, [base, upkeep.bundle],
         [upkeep.bundle, *page.progress]),
        ((upkeep.verify.click,), changes.verify, [base], []),
        ((upkeep.rebuild.click, upkeep.reembed.click), changes.rebuild, [base], page.progress),
    ):  # fmt: skip
        frame.on(triggers, function, inputs, [said, *outputs], changes=True,
                 show_progress="minimal")  # fmt: skip
