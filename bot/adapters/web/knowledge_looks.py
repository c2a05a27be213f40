"""What is seen on the Knowledge page."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from bot.adapters.web import knowledge_view as view
from bot.adapters.web import work_view
from bot.adapters.web.desk import Desk
from bot.adapters.web.events import Update, explained, facts_of, number_in
from bot.adapters.web.frame import visitor_of, words_for
from bot.adapters.web.knowledge_layout import KnowledgePage
from bot.adapters.web.knowledge_view import Listed
from core.access import SHARED
from core.explain import explain
from knowledge_base.errors import KnowledgeError


@dataclass(frozen=True, slots=True)
class Looks:
    """Changes nothing. Everything about a visitor is in the values passed."""

    page: KnowledgePage
    desk: Desk

    @explained
    async def opened(self, request: gr.Request) -> Update:
        # Whoever loads the page anew sees what they have sent go on.
        base = self.desk.jobs.base_at_work(visitor_of(request))
        return await self.with_bases(base or SHARED, request)

    @explained
    async def turned(self, base: str, request: gr.Request) -> Update:
        return await self.all_of(base, Listed(), request)

    @explained
    async def looked_for(self, base: str, wanted: str, order: str, request: gr.Request) -> Update:
        return await self.table_of(base, Listed(wanted, order), request)

    @explained
    async def pressed(
        self, base: str, listed: Listed, request: gr.Request, event: gr.EventData
    ) -> Update:
        """On a button in the table, or below a document."""
        page, facts = self.page, facts_of(event)
        name, start = str(facts.get("name", "")), number_in(facts.get("start"))
        match facts.get("act"):
            case "page":
                return await self.table_of(
                    base, Listed(listed.wanted, listed.order, start), request
                )
            case "view":
                return {page.shelf.shown: await self._passages(base, name, start, request)}
            case "remove":
                return {**await self.asks([name], request), page.shelf.picked: [name]}
            case _:
                return {page.shelf.shown: ""}

    @explained
    async def picked(self, event: gr.EventData) -> Update:
        page, names = self.page, facts_of(event).get("names")
        picked = (
            [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        )
        return {
            page.shelf.picked: picked,
            page.shelf.remove: gr.update(visible=bool(picked)),
            page.shelf.sure: gr.update(visible=False),
        }

    @explained
    async def asks(self, picked: list[str], request: gr.Request) -> Update:
        page, _ = self.page, words_for(request)
        if not picked:
            return {page.shelf.sure: gr.update(visible=False)}
        days = self.desk.resources.library.rest_days
        told = _.plural("Remove {count} document?", "Remove {count} documents?", len(picked))
        told += "\n" + "\n".join(f"- {name}" for name in picked[:10])
        if days:
            told += "\n\n" + _.plural(
                "It can be brought back within {count} day.",
                "It can be brought back within {count} days.",
                days,
            )
        return {page.shelf.sure: gr.update(visible=True), page.shelf.question: view.said(told)}

    @explained
    async def thought_better(self) -> Update:
        page = self.page
        return {
            page.shelf.sure: gr.update(visible=False),
            page.shelf.remove: gr.update(visible=False),
            page.shelf.picked: [],
        }

    @explained
    async def looked(
        self, base: str, listed: Listed, picked: list[str], request: gr.Request
    ) -> Update:
        """Every moment, while something is on its way."""
        page = self.page
        update = await self.jobs_of(base, request)
        if not picked:  # else what is ticked would be lost
            update[page.shelf.table] = await self._documents(base, listed, request)
        update[page.summary] = await self._summary(base, request)
        return update

    async def with_bases(self, chosen: str, request: gr.Request, otherwise: str = SHARED) -> Update:
        """The list of bases, one of them chosen, and what that has."""
        _ = words_for(request)
        shelves = await self.desk.shelves.all(visitor_of(request))
        names = [shelf.name for shelf in shelves]
        base = next((own for own in (chosen, otherwise) if own in names), SHARED)
        choices = [(shelf.title(_), shelf.name) for shelf in shelves]
        return {
            self.page.base: gr.update(choices=choices, value=base),
            **await self.all_of(base, Listed(), request),
        }

    async def all_of(self, base: str, listed: Listed, request: gr.Request) -> Update:
        """Everything about one base."""
        page, desk, _ = self.page, self.desk, words_for(request)
        visitor = visitor_of(request)
        shelf = await desk.shelves.one(visitor, base)
        return {
            page.summary: await self._summary(base, request),
            **await self.table_of(base, listed, request),
            page.shelf.shown: "",
            page.intake.drop: view.drop_zone(shelf.name, shelf.title(_), _),
            **await self.jobs_of(base, request),
            page.waiting: view.waiting(await desk.reviews(visitor, base), _),
            page.removed: view.removed(
                await desk.resting(visitor, base), desk.resources.library.rest_days, _
            ),
        }

    async def table_of(self, base: str, listed: Listed, request: gr.Request) -> Update:
        page = self.page
        return {
            page.shelf.table: await self._documents(base, listed, request),
            page.shelf.listed: listed,
            page.shelf.picked: [],
            page.shelf.remove: gr.update(visible=False),
            page.shelf.sure: gr.update(visible=False),
        }

    async def _documents(self, base: str, listed: Listed, request: gr.Request) -> str:
        found = await self.desk.documents(visitor_of(request), base)
        unready = await self.desk.unready(visitor_of(request), base)
        return view.documents(found, unready, listed, words_for(request))

    async def _summary(self, base: str, request: gr.Request) -> str:
        visitor = visitor_of(request)
        figures = await self.desk.statistics(visitor, base)
        folder = await self.desk.followed(visitor, base)
        return view.summary(figures, folder, words_for(request))

    async def _passages(self, base: str, name: str, start: int, request: gr.Request) -> str:
        _, visitor, desk = words_for(request), visitor_of(request), self.desk
        try:
            document, chunks = await desk.passages(visitor, base, name, start, view.PASSAGES)
            note = await desk.note(visitor, base, document)
        except KnowledgeError as error:
            return view.said(explain(error, _) or "", failed=True)
        return view.passages(document, note, chunks, start, _)

    async def jobs_of(self, base: str, request: gr.Request) -> Update:
        page, desk, _ = self.page, self.desk, words_for(request)
        figures = await desk.statistics(visitor_of(request), base)
        under_way = desk.jobs.of(base)
        files = [job for job in under_way if job.path is not None]
        at_work = [job for job in under_way if job.way in ("kb import", "kb rebuild")]
        wanted = desk.resources.library.embedder_name
        others = bool(figures.passages) and await desk.waits_for_vectors(visitor_of(request), base)
        return {
            page.intake.jobs: work_view.jobs(files, _),
            page.intake.clear: gr.update(visible=any(job.is_over for job in files)),
            # Also what the bot does by itself is looked at while it lasts.
            page.intake.look: gr.Timer(active=others or any(not job.is_over for job in under_way)),
            page.upkeep.work: work_view.jobs(at_work, _, are_files=False),
            page.upkeep.vectors: work_view.vectors(figures, wanted, _) if others else "",
            page.upkeep.reembed: gr.update(visible=others),
        }
