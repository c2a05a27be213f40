"""The operator's own language, and errors in it."""

from __future__ import annotations

import os

from bot.errors import (
    FileNotFetchedError,
    HostedDownloadLimitError,
    PortTakenError,
    SurfaceError,
)
from bot.settings import Config
from core.explain import explain
from core.inert import inert
from core.language import Words, words


def own_words(config: Config) -> Words:
    """Sentences in the language of the configuration, else of the shell."""
    if config.chat.language != "auto":
        return words(config.chat.language)
    variables = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((os.environ[name] for name in variables if os.environ.get(name)), "en")
    return words(locale.partition(".")[0])


def sentence(error: Exception, say: Words) -> str:
    """An expected error in one sentence."""
    return explain(error, say) or say("Something went wrong.")


@explain.register
def _port_taken(error: PortTakenError, _: Words) -> str:
    return _(
        "Nothing can be served at {host}, port {port}: another program is there, or the address is "
        "not this machine's. Set `{key}` to another one.",
        host=error.host,
        port=error.port,
        key=error.key,
    )


explain.register(
    SurfaceError, lambda _error, _: _("A surface cannot serve; the log has the reason.")
)


@explain.register
def _not_fetched(error: FileNotFetchedError, _: Words) -> str:
    return _(
        "I could not fetch {name} from the platform. Send it again.", name=inert(error.filename)
    )


@explain.register
def _hosted_download_limit(error: HostedDownloadLimitError, _: Words) -> str:
    return _(
        "{name} is larger than the {limit:.0f} MB that Telegram lets bots download. Send it in "
        "parts; or whoever runs this bot runs a Bot API server next to it, which has no such limit "
        "(`{key}`).",
        name=inert(error.filename),
        limit=error.limit_bytes / (1 << 20),
        key=error.key,
    )
