"""Which servers, groups and strangers are served; nobody else gets more than one message."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from core.admission_rows import Admissions, Applicant, Subject, Verdict, subject_of, written
from core.audit import Act, Audit
from core.belonging import Belonging
from core.envoy import Envoy
from core.errors import NotAllowedError
from core.events import (
    ActionPressed,
    Asked,
    ChannelKind,
    ChannelRef,
    InteractionRef,
    Joined,
    Left,
    MemberRef,
    Platform,
    ServerRef,
)
from core.explain import explain
from core.inert import inert
from core.language import Words
from core.replies import Button, Menu
from core.settings import AdmissionSettings
from core.sightings import Sightings

PREFIX: Final = "admit:"
"""What the actions of our buttons begin with: "admit:discord:42:yes", members' ids with an @."""

Welcome: TypeAlias = Callable[[Joined, str], Awaitable[None]]
"""The first message where we are served; it begins with that sentence."""
_log = logging.getLogger(__name__)


class Admission:
    """Decides by policy and by what owners pressed. Where no platform is connected (the operator's
    shell) it only keeps what was decided; a running bot follows that at the next message."""

    def __init__(
        self,
        rows: Admissions,
        sightings: Sightings,
        belonging: Belonging,
        envoy: Envoy,
        settings: AdmissionSettings,
        audit: Audit | None = None,
    ) -> None:
        """Without `audit` nothing is noted of what is decided."""
        self._rows = rows
        self._sightings = sightings
        self._belonging = belonging
        self._envoy = envoy
        self._settings = settings
        self._audit = audit
        self._welcome: Welcome | None = None

    def greets_with(self, welcome: Welcome) -> None:
        """Say this where we are served from now on: what it needs stands after admission does."""
        self._welcome = welcome

    async def admits(self, asked: Asked) -> bool:
        """Whether to deal with this at all. Who is turned away for the first time is told so."""
        channel = asked.conversation.channel
        if channel.platform.is_operators:
            return True
        if asked.kind is ChannelKind.PRIVATE:
            return await self._admits_member(asked)
        server = ServerRef(channel.platform, asked.server_id or channel.channel_id)
        name = asked.place.server_name or asked.place.channel_name
        applicant = await self._rows.find(server) or Applicant(
            server, name, conversation=asked.conversation
        )
        match self.standing(applicant):
            case "admitted":
                return True
            case "refused":
                await self._envoy.leave(server)
            case "pending":
                await self._turn_away(applicant, asked.locale, asked)
        return False

    async def serves(self, asked: Asked) -> bool:
        """Whether a place was let in. Nobody is told anything, nothing is noted."""
        channel = asked.conversation.channel
        if channel.platform.is_operators:
            return True
        server = ServerRef(channel.platform, asked.server_id or channel.channel_id)
        applicant = await self._rows.find(server) or Applicant(server, "")
        return self.standing(applicant) == "admitted"

    async def membership(self, event: Joined | Left) -> None:
        """The bot was added somewhere, or taken out."""
        server = ServerRef(event.platform, event.server_id)
        if isinstance(event, Left):
            await self._rows.left(server)
            return
        contact = event.contact or (None if event.by is None else event.by.user_id)
        applicant = await self._rows.joined(server, event.name, event.conversation, contact)
        by = None if event.by is None else MemberRef(event.platform, event.by.user_id)
        if by in self._envoy.owners and by is not None and applicant.verdict == "pending":
            applicant = await self._rows.decide(server, "admitted", by.user_id)
        match self.standing(applicant):
            case "admitted":
                await self._greet(event)
            case "refused":
                await self._envoy.leave(server)
            case "pending":
                await self._turn_away(applicant, event.locale, event)

    async def _greet(self, event: Joined) -> None:
        """The first message where we are served: what we are, and how to begin."""
        _ = self._envoy.words(event.locale)
        opening = _(
            "I am a program that answers questions from the documents you teach me. `/privacy` "
            "says what I keep."
        )
        await self._begin(event, opening, _)

    async def _begin(self, event: Joined, opening: str, _: Words) -> None:
        if self._welcome is not None:
            await self._welcome(event, opening)
        elif event.conversation is not None:
            text = _(
                "Whoever administers this place can set me up with `/setup`; then drop a file "
                "here, or ask me."
            )
            await self._envoy.say(event.conversation, f"{opening} {text}")

    async def pressed(self, event: ActionPressed) -> None:
        """An owner decided, by a button whose action begins with `PREFIX`."""
        _ = self._envoy.words(event.locale)
        subject, approved = _decision(event.action)
        by = MemberRef(event.conversation.channel.platform, event.author.user_id)
        if subject is None:
            return
        if by not in self._envoy.owners:
            told = explain(NotAllowedError("owner"), _)
            if event.interaction is not None and told:
                await self._envoy.reveal(event.interaction, told)
            return
        applicant = await self._rows.find(subject) or Applicant(subject)
        if applicant.verdict == "pending":
            decide = self.approve if approved else self.refuse
            applicant = await decide(subject, by.user_id)
            told = _decided(applicant, _)
        else:
            # In the shell, or by another owner: this card did not know yet.
            told = _("This was decided already.") + " " + _decided(applicant, _)
            if event.interaction is not None:
                await self._envoy.reveal(event.interaction, told)
        await self._envoy.replace(event.conversation, event.message_id, told, kind=event.kind)

    async def approve(self, subject: Subject, by: str) -> Applicant:
        """Serve them from now on, and say so where they wait."""
        applicant = await self._decide(subject, "admitted", by)
        await self._settle(applicant)
        return applicant

    async def refuse(self, subject: Subject, by: str) -> Applicant:
        """Serve them no longer, and leave."""
        applicant = await self._decide(subject, "refused", by)
        await self._settle(applicant)
        if isinstance(subject, ServerRef):
            await self._envoy.leave(subject)
        return applicant

    async def follow(self) -> None:
        """Do what follows from decisions that were made elsewhere, such as in the shell: tell who
        waits, leave who was refused, settle the cards. Call it now and then."""
        for applicant in await self._rows.unsettled():
            if not self._envoy.reaches(applicant.subject.platform):
                continue
            await self._settle(applicant)
            if applicant.verdict == "refused" and isinstance(applicant.subject, ServerRef):
                await self._envoy.leave(applicant.subject)

    async def unasked(self) -> tuple[Applicant, ...]:
        """Those who wait for owners who could not be reached."""
        return tuple(one for one in await self._rows.unasked() if self._asks(one.subject))

    async def _decide(self, subject: Subject, verdict: Verdict, by: str) -> Applicant:
        applicant = await self._rows.decide(subject, verdict, by)
        if self._audit is not None:
            act = Act.ADMITTED if verdict == "admitted" else Act.REFUSED
            await self._audit.decided(subject, _title(applicant, plain=True), by, act)
        return applicant

    async def _settle(self, applicant: Applicant) -> None:
        """Say what was decided where it was asked, and where they wait."""
        subject = applicant.subject
        _ = self._envoy.words()
        for card in await self._rows.take_cards(subject):
            if self._envoy.reaches(card.conversation.channel.platform):
                told = _decided(applicant, _)
                private = ChannelKind.PRIVATE  # Owners are asked there alone.
                await self._envoy.replace(card.conversation, card.message_id, told, kind=private)
            else:
                await self._rows.asked(subject, (card,))
        if not self._envoy.reaches(subject.platform) or not await self._rows.announced(subject):
            return
        if applicant.verdict != "admitted" or applicant.conversation is None:
            return
        opening = _("I was approved.")
        if isinstance(subject, ServerRef):
            here = Joined(
                subject.platform,
                subject.server_id,
                applicant.name,
                conversation=applicant.conversation,
                contact=applicant.contact,
            )
            await self._begin(here, opening, _)
        else:
            told = f"{opening} " + _("Ask me anything.")
            await self._envoy.say(applicant.conversation, told, kind=ChannelKind.PRIVATE)

    async def applicants(self) -> tuple[Applicant, ...]:
        """Everybody on record, those who wait first."""
        return await self._rows.all()

    def standing(self, applicant: Applicant) -> Verdict:
        """How somebody on record stands by the policy that holds now."""
        if applicant.verdict == "refused":
            return "refused"
        if isinstance(applicant.subject, MemberRef):
            return applicant.verdict
        listed = written(applicant.subject) in self._settings.servers
        if listed or self._settings.policy == "open":
            return "admitted"
        return "pending" if self._settings.policy == "list" else applicant.verdict

    async def _admits_member(self, asked: Asked) -> bool:
        member = MemberRef(asked.conversation.channel.platform, asked.author.user_id)
        if member in self._envoy.owners:
            # They may have been out of reach when somebody asked to be served.
            for applicant in await self.unasked():
                await self._ask_owners(applicant)
            return True
        name = asked.author.display_name
        applicant = await self._rows.find(member) or Applicant(
            member, name, conversation=asked.conversation
        )
        if applicant.verdict != "pending":
            return applicant.verdict == "admitted"
        match self._settings.direct_messages:
            case "open":
                return True
            case "members":
                if await self._belonging.is_member(member, self._served):
                    return True
            case "owner":
                pass
        await self._turn_away(applicant, asked.locale, asked)
        return False

    async def _served(self, platform: Platform) -> tuple[ChannelRef, ...]:
        """One channel of every place that is served, preferably one that all of it can see."""
        found: dict[ServerRef, ChannelRef] = {}
        records = {row.subject: row for row in await self._rows.all()}
        for seen in sorted(
            await self._sightings.channels_on(platform), key=lambda own: own.is_restricted
        ):
            server = seen.server or ServerRef(platform, seen.channel.channel_id)
            found.setdefault(server, seen.channel)
        for subject, row in records.items():
            if isinstance(subject, ServerRef) and row.conversation is not None:
                found.setdefault(subject, row.conversation.channel)
        served = []
        for server, channel in found.items():
            row = records.get(server) or Applicant(server)
            is_here = row.left_at is None and channel.platform is platform
            if is_here and self.standing(row) == "admitted":
                served.append(channel)
        return tuple(served)

    async def _turn_away(
        self, applicant: Applicant, locale: str | None, event: Asked | Joined
    ) -> None:
        """Say once why there is no answer, and let the owners know."""
        _ = self._envoy.words(locale)
        text = self._reason(applicant, _)
        reply_to = None if isinstance(event, Joined | ActionPressed) else event.reply_to
        if isinstance(reply_to, InteractionRef):
            # A command waits for its answer, each time; nobody else sees this one.
            await self._envoy.reveal(reply_to, text)
        if not await self._rows.tell_once(applicant):
            return
        if applicant.conversation is not None and not isinstance(reply_to, InteractionRef):
            is_place = isinstance(applicant.subject, ServerRef)
            kind = ChannelKind.GROUP if is_place else ChannelKind.PRIVATE
            await self._envoy.say(applicant.conversation, text, kind=kind)
        if self._asks(applicant.subject):
            await self._ask_owners(applicant)

    def _asks(self, subject: Subject) -> bool:
        """Whether owners decide about such as these."""
        if isinstance(subject, ServerRef):
            return self._settings.policy == "owner"
        return self._settings.direct_messages == "owner"

    def _reason(self, applicant: Applicant, _: Words) -> str:
        if isinstance(applicant.subject, ServerRef):
            return _(
                "Whoever runs me has to approve this place first. Until then I read and keep "
                "nothing here."
            )
        if self._settings.direct_messages == "owner":
            return _("Whoever runs me has to approve you first. Until then I keep nothing.")
        return _(
            "I answer private messages only of people from the servers and groups that I serve."
        )

    async def _ask_owners(self, applicant: Applicant) -> None:
        _ = self._envoy.words()
        text = _("{name} would like to be served. Shall I?", name=_title(applicant))
        action = f"{PREFIX}{written(applicant.subject)}:"
        menu = Menu(
            (
                Button(f"{action}yes", _("Approve"), "good"),
                Button(f"{action}no", _("Refuse"), "danger"),
            )
        )
        cards = await self._envoy.tell_owners(text, (menu,))
        if cards:
            await self._rows.asked(applicant.subject, cards)
        else:
            _log.warning(
                "%s waits for approval, and no owner could be asked: `python -m bot admit`",
                written(applicant.subject),
            )


def _decision(action: str) -> tuple[Subject | None, bool]:
    """Whom a button is about, and whether it admits them."""
    text, _, answer = action.removeprefix(PREFIX).rpartition(":")
    return (subject_of(text) if answer in ("yes", "no") else None), answer == "yes"


def _decided(applicant: Applicant, _: Words) -> str:
    title = _title(applicant)
    if applicant.verdict == "admitted":
        return _("{name} is approved.", name=title)
    return _("{name} is refused.", name=title)


def _title(applicant: Applicant, *, plain: bool = False) -> str:
    own = written(applicant.subject)
    if not applicant.name:
        return own
    return f"{applicant.name if plain else inert(applicant.name)} ({own})"
