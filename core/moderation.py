"""What moderators' work needs besides the documents: the log, the cards, the week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.audit import Audit
from core.cards import Cards
from core.channels import Channels
from core.database import Database
from core.envoy import Envoy
from core.events import Asked, Platform
from core.language import Words
from core.noticeboard import Noticeboards
from core.permissions import Rules
from core.ports import Outbox
from core.reviews import Reviews
from core.rights import Rights
from core.sightings import Sightings
from core.weeks import Weeks


@dataclass(frozen=True, slots=True)
class Moderation:
    """The parts, over one database."""

    audit: Audit
    boards: Noticeboards
    cards: Cards
    weeks: Weeks
    envoy: Envoy

    @classmethod
    def over(
        cls,
        database: Database,
        folder: Path,
        channels: Channels,
        outboxes: Mapping[Platform, Outbox],
        envoy: Envoy,
        rules: Rules,
    ) -> Moderation:
        """`folder`: where uploads lie that wait."""

        def words_of(asked: Asked) -> Words:
            chosen = channels.of(asked).language
            return envoy.words(asked.locale if chosen == "auto" else chosen)

        boards = Noticeboards(channels, outboxes)
        rights = Rights(channels, Sightings(database), outboxes, rules)
        return cls(
            Audit(database, boards, envoy, words_of),
            boards,
            Cards(Reviews(database, folder), boards, rights, envoy),
            Weeks(database),
            envoy,
        )
