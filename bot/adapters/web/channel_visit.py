"""What happens on the page of channels."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import gradio as gr

from bot.adapters.web import markup
from bot.adapters.web.channel_desk import ChannelDesk, Chosen, key_of
from bot.adapters.web.frame import visitor_of, words_for
from bot.adapters.web.requests import locale_of, message, sent_by
from bot.adapters.web.view import ReplyView
from bot.adapters.web.visitors import Asker
from core.admission_rows import Applicant, Verdict, written
from core.channel_settings import DEFAULT, LONGEST_PERSONA, SETTINGS
from core.events import Wishes
from core.explain import explain
from core.language import Words
from core.ports import Inbox
from core.sightings import SeenChannel

if TYPE_CHECKING:
    from bot.adapters.web.pages.channels import ChannelsPage

Update: TypeAlias = dict[object, object]
Updates: TypeAlias = AsyncGenerator[Update, None]


class ChannelVisit:
    """The page's behaviour."""

    def __init__(self, page: ChannelsPage, desk: ChannelDesk, inbox: Inbox) -> None:
        self._page = page
        self._desk = desk
        self._inbox = inbox

    async def opened(self, request: gr.Request) -> Update:
        """The channel that the address names (`?c=discord:42`), or the first one."""
        page = self._page
        seen = await self._desk.channels()
        choices = [(_title(one), key_of(one.channel)) for one in seen]
        wanted = str(dict(request.query_params).get("c", ""))
        known = {value for _label, value in choices}
        first = wanted if wanted in known else next(iter(known and [choices[0][1]]), None)
        return {
            **await self._served(request),
            page.channel: gr.update(choices=choices, value=first),
            **await self.chosen(first, "channel", request),
        }

    async def _served(self, request: gr.Request) -> Update:
        page, _ = self._page, words_for(request)
        found = await self._desk.applicants()
        choices = [(one.name or written(one.subject), written(one.subject)) for one, _s in found]
        waits = next((written(one.subject) for one, own in found if own == "pending"), None)
        return {
            page.waiting: _table(found, _),
            page.applicant: gr.update(choices=choices, value=waits),
        }

    async def chosen(self, key: str | None, where: str, request: gr.Request) -> Update:
        """What holds in the channel, or its server."""
        page, _ = self._page, words_for(request)
        seen = None if key is None else await self._desk.channel(key)
        if seen is None:
            empty = markup.plain(_("No channel has addressed me yet."))
            updates: Update = {own: gr.update(interactive=False) for own in page.fields}
            return {**updates, page.said: f'<p class="note">{empty}</p>', page.answer: ""}
        is_server = where == "server" and seen.server is not None
        held = await self._desk.settings(
            _asker(request), seen, "server" if is_server else "channel"
        )
        fields: Update = {
            own: _field(one, editable=visitor_of(request).may_change)
            for own, one in zip(page.fields, held, strict=True)
        }
        return {
            **fields,
            page.where: gr.update(
                value="server" if is_server else "channel", interactive=seen.server is not None
            ),
            page.said: "",
            page.answer: "",
        }

    async def saved(self, request: gr.Request, key: str | None, *written_as: object) -> Update:
        """Choose what was changed in the form; what cannot be is told, and the rest is kept."""
        page, _ = self._page, words_for(request)
        where, *values = written_as
        seen = None if key is None else await self._desk.channel(key)
        if seen is None:
            return {page.said: ""}
        wanted = {
            setting.key: str(value or "") for setting, value in zip(SETTINGS, values, strict=True)
        }
        told = ""
        changing = self._desk.change(_asker(request), seen, str(where), wanted)
        async with aclosing(changing) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, str):
                    told += f'<div class="done">{markup.formatted(outcome)}</div>'
                else:
                    why = markup.formatted(explain(outcome, _) or "")
                    told += f'<div class="failed">{why}</div>'
        nothing = f'<p class="note">{markup.plain(_("Nothing was changed."))}</p>'
        return {**await self.chosen(key, str(where), request), page.said: told or nothing}

    async def approved(self, name: str | None, request: gr.Request) -> Update:
        await self._desk.decide(_asker(request), name or "", approve=True)
        return await self._served(request)

    async def refused(self, name: str | None, request: gr.Request) -> Update:
        await self._desk.decide(_asker(request), name or "", approve=False)
        return await self._served(request)

    async def previewed(
        self, key: str | None, persona: str, question: str, request: gr.Request
    ) -> Updates:
        """How the persona would answer; nothing of it is kept."""
        seen = None if key is None else await self._desk.channel(key)
        if not question.strip() or seen is None:
            return
        view = ReplyView(words_for(request))
        asked = message(
            uuid.uuid4().hex,
            question.strip(),
            bases=await self._desk.bases_of(seen),
            locale=locale_of(request.headers),
        )
        asked = replace(
            sent_by(visitor_of(request), asked),
            context=(),
            wishes=Wishes(instructions=persona.strip()[:LONGEST_PERSONA]),
        )
        async with aclosing(self._inbox.stream(asked)) as events:
            async for event in events:
                view.take(event)
                yield {self._page.answer: view.status_html() + view.html()}


def _asker(request: gr.Request) -> Asker:
    return Asker(visitor_of(request), locale_of(request.headers))


def _field(one: Chosen, *, editable: bool) -> object:
    if not one.choices:
        value = "" if one.value == DEFAULT else one.value
        return gr.update(value=value, interactive=editable)
    choices = list(one.choices)
    if one.value not in {value for _label, value in choices}:
        choices.append((one.value, one.value))
    return gr.update(choices=choices, value=one.value, interactive=editable)


def _title(seen: SeenChannel) -> str:
    return f"{seen.channel.platform.value.title()} · {seen.title}"


def _table(found: tuple[tuple[Applicant, Verdict], ...], _: Words) -> str:
    if not found:
        return f'<p class="note">{markup.plain(_("Nobody has asked to be served yet."))}</p>'
    standings = {
        "pending": _("waits"),
        "admitted": _("is served"),
        "refused": _("is refused"),
    }
    rows = ""
    for one, standing in found:
        name, own_id = markup.plain(one.name or "–"), markup.plain(written(one.subject))
        told = f'<span class="standing {standing}">{markup.plain(standings[standing])}</span>'
        rows += f"<tr><td>{name}</td><td>{own_id}</td><td>{told}</td></tr>"
    heads = "".join(f"<th>{markup.plain(text)}</th>" for text in (_("name"), "id", _("standing")))
    return f'<table class="listed"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
