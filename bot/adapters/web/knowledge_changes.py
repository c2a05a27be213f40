"""What operators do on the Knowledge page."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from bot.adapters.web import knowledge_view as view
from bot.adapters.web.addresses import EXPORTS
from bot.adapters.web.desk import Said
from bot.adapters.web.events import Update, asker_of, explained, facts_of
from bot.adapters.web.frame import words_for
from bot.adapters.web.knowledge_looks import Looks
from bot.adapters.web.knowledge_view import Listed
from bot.adapters.web.visitors import Asker
from core.errors import UserError
from core.explain import explain
from core.language import Words
from knowledge_base.errors import KnowledgeError


@dataclass(frozen=True, slots=True)
class Changes:
    """What was done is said, and then shown."""

    looks: Looks

    @explained
    async def remove(
        self, base: str, listed: Listed, picked: list[str], request: gr.Request
    ) -> Update:
        async def act(asker: Asker, _: Words) -> Said:
            gone = await self.looks.desk.remove(asker, base, picked)
            return Said(
                _.plural("Removed {count} document.", "Removed {count} documents.", len(gone))
            )

        return {**await self._told(act, request), **await self.looks.all_of(base, listed, request)}

    @explained
    async def sent(self, base: str, request: gr.Request, event: gr.EventData) -> Update:
        """A file that the page has sent is taken in."""
        page, facts = self.looks.page, facts_of(event)
        files = facts.get("files")
        aimed = facts.get("base") or base
        if isinstance(files, dict):
            try:
                await self.looks.desk.take(asker_of(request), aimed, files)
            except KnowledgeError as error:
                gr.Warning(explain(error, words_for(request)) or "")
        return {**await self.looks.jobs_of(base, request), page.intake.look: gr.Timer(active=True)}

    @explained
    async def cleared(self, base: str, request: gr.Request) -> Update:
        self.looks.desk.jobs.dismiss(base)
        return await self.looks.jobs_of(base, request)

    @explained
    async def wrote(
        self, base: str, title: str, text: str, kept: str, request: gr.Request
    ) -> Update:
        page, _ = self.looks.page, words_for(request)
        if not title.strip() or not text.strip():
            return {page.said: view.said(_("An entry needs a title and a text."), failed=True)}

        async def act(asker: Asker, _: Words) -> Said:
            whole = kept == "whole"
            name = await self.looks.desk.write(asker, base, title, text, whole=whole)
            return Said(_("{name} is on its way.", name=name))

        update = await self._told(act, request)
        return {
            **update,
            **await self.looks.jobs_of(base, request),
            page.intake.title: "",
            page.intake.text: "",
            page.intake.look: gr.Timer(active=True),
        }

    @explained
    async def decided(
        self, base: str, listed: Listed, request: gr.Request, event: gr.EventData
    ) -> Update:
        """About an upload that waits, or something that was removed."""
        facts = facts_of(event)
        name = str(facts.get("name", ""))

        async def act(asker: Asker, _: Words) -> Said:
            match facts.get("act"):
                case "accept" | "reject" as verdict:
                    return await self.looks.desk.decide(asker, base, name, str(verdict))
                case "undo":
                    return await self.looks.desk.bring_back(asker, base, name)
                case _:
                    return Said("")

        return {**await self._told(act, request), **await self.looks.all_of(base, listed, request)}

    @explained
    async def create(self, name: str, request: gr.Request) -> Update:
        update = await self._told(lambda asker, _: self.looks.desk.create(asker, name), request)
        return {
            **update,
            self.looks.page.upkeep.new: "",
            **await self.looks.with_bases(name.strip(), request),
        }

    @explained
    async def rename(self, base: str, new: str, request: gr.Request) -> Update:
        update = await self._told(
            lambda asker, _: self.looks.desk.rename(asker, base, new), request
        )
        shown = await self.looks.with_bases(new.strip(), request, otherwise=base)
        return {**update, self.looks.page.upkeep.name: "", **shown}

    @explained
    async def delete(self, base: str, typed: str, request: gr.Request) -> Update:
        async def act(asker: Asker, _: Words) -> Said:
            if typed.strip() != base:
                return Said(_("Type {name} to delete it for good.", name=base), failed=True)
            count = await self.looks.desk.delete(asker, base)
            told = _.plural(
                "Deleted {name} with {count} document.",
                "Deleted {name} with {count} documents.",
                count,
                name=base,
            )
            return Said(told)

        update = await self._told(act, request)
        return {
            **update,
            self.looks.page.upkeep.typed: "",
            **await self.looks.with_bases(base, request),
        }

    @explained
    async def export(self, base: str, uploaders: bool, request: gr.Request) -> Update:
        page, files = self.looks.page, []

        async def act(asker: Asker, _: Words) -> Said:
            uploads = self.looks.desk.uploads
            folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=EXPORTS, dir=uploads))
            path, bundled = await self.looks.desk.export(
                asker, base, folder, uploaders=bool(uploaders)
            )
            if not bundled.documents:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                return Said(_("There are no documents here yet."))
            files.append(str(path))
            if bundled.missing:
                names = ", ".join(bundled.missing[:10])
                return Said(
                    _("Their files are gone or damaged: {names}.", names=names), failed=True
                )
            return Said("")

        update = await self._told(act, request)
        exported = gr.update(value=files[0], visible=True) if files else gr.update(visible=False)
        return {**update, page.upkeep.exported: exported}

    @explained
    async def imports(self, base: str, bundle: str | None, request: gr.Request) -> Update:
        page = self.looks.page

        async def act(asker: Asker, _: Words) -> Said:
            files = {bundle: Path(bundle).name} if bundle else {}
            await self.looks.desk.take(asker, base, files, "kb import")
            return Said(_("It is being imported; how far it has come stands under Add."))

        update = await self._told(act, request)
        shown = await self.looks.jobs_of(base, request)
        return {
            **update,
            **shown,
            page.upkeep.bundle: None,
            page.intake.look: gr.Timer(active=True),
        }

    @explained
    async def verify(self, base: str, request: gr.Request) -> Update:
        return await self._told(lambda asker, _: self.looks.desk.verify(asker, base), request)

    @explained
    async def rebuild(self, base: str, request: gr.Request) -> Update:
        """Begin it: how far it has come stands below, also when the page is loaded anew."""

        async def act(asker: Asker, _: Words) -> Said:
            await self.looks.desk.rebuild(asker, base)
            return Said("")

        update = await self._told(act, request)
        shown = await self.looks.jobs_of(base, request)
        return {**update, **shown, self.looks.page.intake.look: gr.Timer(active=True)}

    async def _told(
        self, act: Callable[[Asker, Words], Awaitable[Said]], request: gr.Request
    ) -> Update:
        """What became of an action, or why it was not done."""
        _ = words_for(request)
        try:
            said = await act(asker_of(request), _)
        except (KnowledgeError, UserError) as error:
            said = Said(explain(error, _) or _("Something went wrong."), failed=True)
        return {self.looks.page.said: view.said(said.text, failed=said.failed)}
