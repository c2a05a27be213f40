"""Who is served, from the operator's shell: `admit`, and the links of `invite`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlencode

from bot import output
from bot.parts import open_database
from bot.settings import Config
from bot.wording import own_words
from core.admission import Admission
from core.admission_rows import Admissions, subject_of, written
from core.audit import Audit
from core.belonging import Belonging
from core.channels import Channels
from core.envoy import Envoy
from core.language import Words
from core.noticeboard import Noticeboards
from core.sightings import Sightings

SHELL: Final = "shell"
"""Who decided, in the records."""

# https://discord.com/developers/docs/topics/permissions: what each answer needs, and no more.
DISCORD_PERMISSIONS: Final = (
    1 << 10  # view channels
    | 1 << 11  # send messages
    | 1 << 15  # attach files
    | 1 << 16  # read message history
    | 1 << 38  # send messages in threads
)
_LINK: Final = "https://discord.com/oauth2/authorize"


async def admit(config: Config, wanted: str | None, *, refuse: bool, as_json: bool) -> int:
    """Without a name: who waits and who is served. A running bot follows at the next message."""
    _ = own_words(config)
    subject = subject_of(wanted) if wanted is not None else None
    if wanted is not None and subject is None:
        output.tell(_('{name} must read like "discord:123" or "telegram:-100123".', name=wanted))
        return 2
    async with _admission(config) as admission:
        if subject is not None:
            decide = admission.refuse if refuse else admission.approve
            await decide(subject, SHELL)
        rows = [
            (written(one.subject), admission.standing(one), one.name)
            for one in await admission.applicants()
        ]
    for name, standing, title in rows if as_json else ():
        output.emit({"id": name, "standing": standing, "name": title})
    if as_json:
        return 0
    if rows:
        output.table(rows, (_("id"), _("standing"), _("name")))
    else:
        output.say(_("Nobody has asked to be served yet. `invite` prints the links."))
    return 0


@asynccontextmanager
async def _admission(config: Config) -> AsyncGenerator[Admission, None]:
    async with open_database(config) as database:
        sightings, envoy = Sightings(database), Envoy({})
        boards = Noticeboards(Channels(database), {})
        yield Admission(
            Admissions(database),
            sightings,
            Belonging(sightings, {}),
            envoy,
            config.admission,
            Audit(database, boards, envoy, lambda asked: envoy.words(asked.locale)),
        )


def invite(config: Config, as_json: bool) -> int:
    """Print the links by which the bot is added, with the least permissions."""
    _ = own_words(config)
    token = config.discord.token
    application = None if token is None else application_of(token.get_secret_value())
    wrong = token is not None and application is None
    if as_json:
        link = None if application is None else discord_link(application)
        output.emit({"platform": "discord", "configured": token is not None, "link": link})
        # Its link needs the bot's name, which the token does not tell.
        has_token = config.telegram.token is not None
        output.emit({"platform": "telegram", "configured": has_token, "link": None})
    if wrong:
        output.tell(_("Discord: the token does not look like one."))
        return 1
    if not as_json:
        _tell_links(config, application, _)
    return 0


def _tell_links(config: Config, application: str | None, _: Words) -> None:
    if application is None:
        output.say(_("Discord: no token is configured (`discord.token_env`)."))
    else:
        output.say(f"Discord: {discord_link(application)}")
    if config.telegram.token is None:
        output.say(_("Telegram: no token is configured (`telegram.token_env`)."))
    else:
        output.say(
            _(
                "Telegram: open the bot's profile and choose Add to Group, or "
                "https://t.me/BOTNAME?startgroup=true with your bot's name."
            )
        )


def application_of(token: str) -> str | None:
    """The application's id, which a Discord token begins with; None for what is no token."""
    first, dot, _rest = token.partition(".")
    try:
        decoded = base64.b64decode(first + "=" * (-len(first) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return decoded if dot and decoded.isdigit() else None


def discord_link(application: str) -> str:
    """Adds the bot and its slash commands to a server."""
    query = {
        "client_id": application,
        "scope": "bot applications.commands",
        "permissions": str(DISCORD_PERMISSIONS),
    }
    return f"{_LINK}?{urlencode(query)}"
