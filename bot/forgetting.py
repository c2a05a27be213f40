"""`forget`: who is to be forgotten, from the operator's shell; also who has left."""

from __future__ import annotations

from bot import output
from bot.parts import open_library
from bot.settings import Config
from bot.wording import own_words
from core.channels import Channels
from core.commands.own_data import member_named
from core.database import Database
from core.forgetting import Forgetting
from core.reviews import Reviews


async def forget(config: Config, wanted: str, *, uploads: bool, yes: bool, as_json: bool) -> int:
    """Erase everything that is kept of them. A bot that runs meanwhile goes on."""
    _ = own_words(config)
    member = member_named(wanted)
    if member is None:
        output.tell(_('{name} must read like "discord:123".', name=wanted))
        return 2
    if not yes:
        output.tell(_("This cannot be undone. Say it again with `--yes`."))
        return 2
    async with (
        open_library(config, embedding=False) as library,
        Database.open(config.data_dir / "lorekeeper.db") as database,
    ):
        channels = Channels(database)
        await channels.load()
        reviews = Reviews(database, config.data_dir / "reviews")
        forgetting = Forgetting(database, library, channels, reviews)
        await forgetting.forget(member, uploads=uploads)
        await forgetting.prune()
    if as_json:
        output.emit({"id": wanted, "forgotten": True})
    else:
        output.say(_("Done: {member} is forgotten.", member=wanted))
    return 0
