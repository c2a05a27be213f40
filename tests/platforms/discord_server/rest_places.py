"""Servers, channels, members and users over REST."""

from __future__ import annotations

from dataclasses import dataclass

from tests.platforms.discord_server.errors import (
    ApiError,
    missing_access,
    unknown,
)
from tests.platforms.discord_server.gateway import Gateway, application_flags
from tests.platforms.discord_server.permissions import Permission, permissions_in
from tests.platforms.discord_server.rest import Answer, Call, Route
from tests.platforms.discord_server.rest_messages import visible_channel
from tests.platforms.discord_server.state import Guild, User
from tests.platforms.discord_server.wire import (
    channel_json,
    guild_json,
    member_json,
    role_json,
    user_json,
)
from tests.platforms.discord_server.world import MEMBERS, World

_GUILD = "/guilds/{guild}"
_BOT_ADD = 28


@dataclass(frozen=True, slots=True)
class PlaceRoutes:
    """What the bot asks about itself and the places that it is in."""

    world: World
    gateway: Gateway
    owner: User

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route("GET", "/gateway", self.gateway_address),
            Route("GET", "/gateway/bot", self.gateway_for_bot),
            Route("GET", "/users/@me", self.me),
            Route("GET", "/oauth2/applications/@me", self.application),
            Route("GET", "/applications/@me", self.application),
            Route("POST", "/users/@me/channels", self.open_direct),
            Route("GET", "/users/@me/guilds", self.my_guilds),
            Route("DELETE", "/users/@me/guilds/{guild}", self.leave),
            Route("GET", "/users/{user}", self.user),
            Route("GET", _GUILD, self.guild),
            Route("GET", _GUILD + "/channels", self.channels),
            Route("GET", _GUILD + "/roles", self.roles),
            Route("GET", _GUILD + "/threads/active", self.active_threads),
            Route("GET", _GUILD + "/members", self.members),
            Route("GET", _GUILD + "/members/search", self.search_members),
            Route("GET", _GUILD + "/members/{user}", self.member),
            Route("GET", _GUILD + "/audit-logs", self.audit_log),
            Route("GET", "/channels/{channel}", self.channel),
        ]

    async def gateway_address(self, call: Call) -> Answer:
        """Where the gateway is."""
        return {"url": self.gateway.url}

    async def gateway_for_bot(self, call: Call) -> Answer:
        """Where the gateway is, and with how many shards."""
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        shards = self.gateway.shards
        return {"url": self.gateway.url, "shards": shards, "session_start_limit": limit}

    async def me(self, call: Call) -> Answer:
        """The bot's own account."""
        return user_json(self.world.bot) | {"verified": True, "mfa_enabled": True, "flags": 0}

    async def application(self, call: Call) -> Answer:
        """The application that the bot belongs to."""
        bot = self.world.bot
        return {
            "id": str(bot.id),
            "name": bot.name,
            "icon": None,
            "description": "",
            "bot_public": True,
            "bot_require_code_grant": False,
            "owner": user_json(self.owner),
            "verify_key": "0" * 64,
            "team": None,
            "flags": application_flags(self.world.granted),
            "interactions_endpoint_url": None,
            "approximate_guild_count": len(self.world.guilds),
            "bot": user_json(bot),
        }

    async def open_direct(self, call: Call) -> Answer:
        """The private chat with somebody."""
        user = self.world.users.get(int(call.body.fields["recipient_id"]))
        if user is None or user is self.world.bot:
            raise ApiError(400, 50033, "Invalid Recipient(s)")
        return channel_json(self.world.direct_channel(user), self.world.bot)

    async def my_guilds(self, call: Call) -> Answer:
        """The servers that the bot is in."""
        mine = [each for each in self.world.guilds.values() if self.world.bot_is_in(each)]
        return [
            {
                "id": str(each.id),
                "name": each.name,
                "icon": None,
                "owner": False,
                "permissions": "0",
                "features": [],
            }
            for each in mine
        ]

    async def leave(self, call: Call) -> Answer:
        """Leave a server."""
        self.gateway.guild_left(self._guild(call))

    async def user(self, call: Call) -> Answer:
        """Any account."""
        user = self.world.users.get(call.id("user"))
        if user is None:
            raise unknown("User")
        return user_json(user)

    async def guild(self, call: Call) -> Answer:
        """A server; who is in it and its channels are told elsewhere."""
        told = guild_json(self._guild(call), self.world.bot)
        for name in ("members", "channels", "threads", "presences", "voice_states", "joined_at"):
            del told[name]
        return told

    async def channels(self, call: Call) -> Answer:
        """The channels of a server, without threads."""
        found = self._guild(call).channels.values()
        return [channel_json(each, self.world.bot) for each in found if not each.is_thread]

    async def roles(self, call: Call) -> Answer:
        """The roles of a server."""
        return [role_json(role) for role in self._guild(call).roles.values()]

    async def audit_log(self, call: Call) -> Answer:
        """Who added the bot, for one who may look into the log."""
        guild = self._guild(call)
        held = [guild.everyone, *guild.members[self.world.bot.id].roles]
        if not any(Permission.VIEW_AUDIT_LOG in role.permissions for role in held):
            raise ApiError(403, 50013, "Missing Permissions")
        by = guild.bot_added_by or guild.owner
        entry = {
            "id": str(self.world.ids.make()),
            "user_id": str(by.id),
            "target_id": str(self.world.bot.id),
            "action_type": _BOT_ADD,
        }
        nothing = ("integrations", "webhooks", "threads", "guild_scheduled_events")
        nothing += ("auto_moderation_rules", "application_commands")
        return {
            "audit_log_entries": [entry],
            "users": [user_json(by), user_json(self.world.bot)],
            **{name: [] for name in nothing},
        }

    async def active_threads(self, call: Call) -> Answer:
        """The threads that are not archived and that the bot sees."""
        found = [
            each
            for each in self._guild(call).channels.values()
            if each.is_thread and not each.archived and permissions_in(each, self.world.bot)
        ]
        return {"threads": [channel_json(each, self.world.bot) for each in found], "members": []}

    async def members(self, call: Call) -> Answer:
        """All members; only with the privileged intent."""
        if not self.world.granted & MEMBERS:
            raise missing_access()
        limit, after = int(call.query.get("limit", 1)), int(call.query.get("after", 0))
        found = sorted(self._guild(call).members.values(), key=lambda each: each.user.id)
        return [member_json(each) for each in found if each.user.id > after][:limit]

    async def search_members(self, call: Call) -> Answer:
        """Members whose name begins so."""
        start, limit = call.query["query"].casefold(), int(call.query.get("limit", 1))
        found = self._guild(call).members.values()
        named = [each for each in found if each.user.name.casefold().startswith(start)]
        return [member_json(each) for each in named[:limit]]

    async def member(self, call: Call) -> Answer:
        """One member."""
        guild = self._guild(call)
        if call.id("user") not in self.world.users:
            raise unknown("User")
        member = guild.members.get(call.id("user"))
        if member is None:
            raise unknown("Member")
        return member_json(member)

    async def channel(self, call: Call) -> Answer:
        """One channel or thread."""
        return channel_json(visible_channel(self.world, call.id("channel")), self.world.bot)

    def _guild(self, call: Call) -> Guild:
        guild = self.world.guilds.get(call.id("guild"))
        if guild is None or not self.world.bot_is_in(guild):
            raise unknown("Guild")
        return guild
