"""Application commands over REST: written over in bulk, listed, changed one by one."""

from __future__ import annotations

from dataclasses import dataclass

from tests.platforms.discord_server.command_rules import CHAT, check_commands
from tests.platforms.discord_server.errors import ApiError, missing_access, unknown
from tests.platforms.discord_server.rest import Answer, Call, Route
from tests.platforms.discord_server.state import Json
from tests.platforms.discord_server.world import World

_GLOBAL = "/applications/{application}/commands"
_GUILD = "/applications/{application}/guilds/{guild}/commands"


@dataclass(frozen=True, slots=True)
class CommandRoutes:
    """The commands that the bot registers."""

    world: World

    def routes(self) -> list[Route]:
        """The same routes for global commands and those of a server."""
        return [
            route
            for base in (_GLOBAL, _GUILD)
            for route in (
                Route("GET", base, self.list),
                Route("PUT", base, self.overwrite),
                Route("POST", base, self.upsert),
                Route("GET", base + "/{command}", self.get),
                Route("DELETE", base + "/{command}", self.delete),
            )
        ]

    async def list(self, call: Call) -> Answer:
        """All commands of the scope."""
        return self.world.commands.get(self._scope(call), [])

    async def overwrite(self, call: Call) -> Answer:
        """Replace all commands of the scope."""
        scope = self._scope(call)
        if not isinstance(call.body.data, list):
            raise ApiError(400, 50035, "Invalid Form Body")
        check_commands(call.body.data)
        before = {(each["type"], each["name"]): each for each in self.world.commands.get(scope, [])}
        made = [self._made(each, scope, before) for each in call.body.data]
        self.world.commands[scope] = made
        return made

    async def upsert(self, call: Call) -> Answer:
        """Add a command, or replace the one of its name."""
        scope = self._scope(call)
        check_commands([call.body.fields])
        standing = self.world.commands.get(scope, [])
        before = {(each["type"], each["name"]): each for each in standing}
        made = self._made(call.body.fields, scope, before)
        others = [each for each in standing if each["id"] != made["id"]]
        self.world.commands[scope] = [*others, made]
        return made

    async def get(self, call: Call) -> Answer:
        """One command."""
        for command in self.world.commands.get(self._scope(call), []):
            if command["id"] == call.text("command"):
                return command
        raise unknown("application command")

    async def delete(self, call: Call) -> Answer:
        """Take one command away."""
        await self.get(call)
        scope = self._scope(call)
        kept = [each for each in self.world.commands[scope] if each["id"] != call.text("command")]
        self.world.commands[scope] = kept

    def _scope(self, call: Call) -> int | None:
        if call.id("application") != self.world.bot.id:
            raise missing_access()
        if "guild" not in call.request.match_info:
            return None
        guild = self.world.guilds.get(call.id("guild"))
        if guild is None or not self.world.bot_is_in(guild):
            raise missing_access()
        return guild.id

    def _made(self, data: Json, scope: int | None, before: dict[tuple[int, str], Json]) -> Json:
        kind = data.get("type", CHAT)
        known = before.get((kind, data["name"]))
        made: Json = {
            "default_member_permissions": None,
            "dm_permission": True,
            "contexts": None,
            "integration_types": [0],
            "nsfw": False,
            "description": "",
            "options": [],
            **data,
            "type": kind,
            "id": known["id"] if known else str(self.world.ids.make()),
            "application_id": str(self.world.bot.id),
            "version": str(self.world.ids.make()),
        }
        if scope is not None:
            made["guild_id"] = str(scope)
        return made
