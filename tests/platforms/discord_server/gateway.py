"""Gateway v10: connections, the sessions that outlive them, and what each is told."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from tests.platforms.discord_server.compression import Compress, compressor
from tests.platforms.discord_server.state import Guild, Json
from tests.platforms.discord_server.wire import guild_json, member_json, user_json
from tests.platforms.discord_server.world import GUILDS, MEMBERS, Event, World

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME, RECONNECT = 0, 1, 2, 3, 4, 6, 7
REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 8, 9, 10, 11
PRIVILEGED = (1 << 1) | (1 << 8) | (1 << 15)
ALL_INTENTS = (1 << 27) - 1


@dataclass(eq=False)
class Connection:
    """One websocket: what it is sent leaves in order, written by one task."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    compress: Compress | None
    session: Session | None = None
    closing: asyncio.Task[bool] | None = None
    is_dropped: bool = False
    """The server ended it."""
    queue: asyncio.Queue[Json] = field(default_factory=asyncio.Queue)

    def send(self, op: int, data: object = None) -> None:
        """Send something that is not an event."""
        self.queue.put_nowait({"op": op, "d": data, "s": None, "t": None})

    async def write(self) -> None:
        """Send what is queued until the connection ends."""
        while True:
            text = json.dumps(await self.queue.get())
            try:
                if self.compress is None:
                    await self.socket.send_str(text)
                else:
                    await self.socket.send_bytes(self.compress(text.encode()))
            except ConnectionError:
                return  # what was queued is in the session, for a resume

    def abort(self) -> None:
        """Cut the line without a word."""
        if self.transport is not None:
            self.transport.abort()


@dataclass(eq=False)
class Session:
    """What one shard has been told; it waits for a resume when its connection breaks."""

    id: str
    intents: int
    shard: tuple[int, int]
    connection: Connection | None = None
    sequence: int = 0
    told: deque[Json] = field(default_factory=lambda: deque(maxlen=10_000))
    acknowledged: int = 0

    def serves(self, guild: Guild | None) -> bool:
        """Whether a server belongs to this shard; private chats belong to the first."""
        number, count = self.shard
        return number == (0 if guild is None else (guild.id >> 22) % count)

    def dispatch(self, name: str, data: Json) -> None:
        """Tell an event now, or after the resume."""
        self.sequence += 1
        frame: Json = {"op": DISPATCH, "s": self.sequence, "t": name, "d": data}
        self.told.append(frame)
        if self.connection is not None:
            self.connection.queue.put_nowait(frame)


@dataclass(eq=False)
class Gateway:
    """All sessions and connections of the bot."""

    world: World
    token: str
    url: str = ""
    """Where to connect; resumes go to `url` + "/resume"."""
    heartbeat_seconds: float = 41.25
    shards: int = 1
    sessions: dict[str, Session] = field(default_factory=dict)
    connections: set[Connection] = field(default_factory=set)
    resumed_elsewhere: int = 0
    """Resumes that did not come to the address that READY named."""

    def publish(self, event: Event) -> None:
        """Tell every session that has the intent and the shard."""
        for session in self.sessions.values():
            wants = not event.intent or session.intents & event.intent
            if wants and session.serves(event.guild):
                session.dispatch(event.name, event.payload(session.intents))

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one websocket until it closes."""
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        try:
            stream = compressor(request.query.get("compress"))
        except ValueError:
            await socket.close(code=4012, message=b"Unknown compression")
            return socket
        connection = Connection(socket, request.transport, stream)
        self.connections.add(connection)
        writer = asyncio.create_task(connection.write(), name="gateway writer")
        connection.send(HELLO, {"heartbeat_interval": int(self.heartbeat_seconds * 1000)})
        try:
            await self._read(connection, at_resume_address=request.path.endswith("/resume"))
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            self.connections.discard(connection)
            if connection.session is not None and connection.session.connection is connection:
                connection.session.connection = None
            self.world.changed()
        return socket

    async def _read(self, connection: Connection, *, at_resume_address: bool) -> None:
        async for frame in connection.socket:
            if frame.type is not WSMsgType.TEXT:
                await connection.socket.close(code=4002, message=b"Decode error")
                return
            message = json.loads(frame.data)
            if close := self._take(connection, message, at_resume_address=at_resume_address):
                code, reason = close
                await connection.socket.close(code=code, message=reason.encode())
            self.world.changed()
        said_goodbye = connection.socket.close_code in (1000, 1001) and not connection.is_dropped
        if said_goodbye and connection.session is not None:
            # It has no session to come back to.
            self.sessions.pop(connection.session.id, None)

    def _take(
        self, connection: Connection, message: Json, *, at_resume_address: bool
    ) -> tuple[int, str] | None:
        match message["op"]:
            case 1:
                self.world.counters.heartbeats += 1
                if connection.session is not None and message["d"] is not None:
                    connection.session.acknowledged = message["d"]
                connection.send(HEARTBEAT_ACK)
            case 2 if connection.session is None:
                return self._identify(connection, message["d"])
            case 6 if connection.session is None:
                self.resumed_elsewhere += not at_resume_address
                return self._resume(connection, message["d"])
            case 2 | 6:
                return 4005, "Already authenticated."
            case 3 | 4 | 8 if connection.session is None:
                return 4003, "Not authenticated."
            case 8:
                self._members(connection.session, message["d"])
            case 3 | 4:
                pass
            case _:
                return 4001, "Unknown opcode."
        return None

    def _identify(self, connection: Connection, data: Json) -> tuple[int, str] | None:
        self.world.counters.identifies += 1
        if data["token"] != self.token:
            return 4004, "Authentication failed."
        intents = data.get("intents", 0)
        if intents & ~ALL_INTENTS:
            return 4013, "Invalid intent(s)."
        if intents & PRIVILEGED & ~self.world.granted:
            return 4014, "Disallowed intent(s)."
        number, count = data.get("shard", (0, 1))
        if number >= count:
            return 4010, "Invalid shard."
        # A process that was killed leaves its session behind; one without a line is not missed.
        for old in list(self.sessions.values()):
            if old.connection is None and old.shard[0] == number:
                del self.sessions[old.id]
        session = Session(secrets.token_hex(16), intents, (number, count), connection)
        self.sessions[session.id] = connection.session = session
        self._welcome(session)
        return None

    def _welcome(self, session: Session) -> None:
        world = self.world
        mine = [each for each in world.guilds.values() if world.bot_is_in(each)]
        mine = [each for each in mine if session.serves(each)]
        ready = {
            "v": 10,
            "user": user_json(world.bot) | {"verified": True, "mfa_enabled": True},
            "guilds": [{"id": str(each.id), "unavailable": True} for each in mine],
            "session_id": session.id,
            "resume_gateway_url": f"{self.url}/resume",
            "shard": list(session.shard),
            "application": {"id": str(world.bot.id), "flags": application_flags(world.granted)},
            "private_channels": [],
        }
        session.dispatch("READY", ready)
        if session.intents & GUILDS:
            for guild in mine:
                session.dispatch(
                    "GUILD_CREATE", self._guild(guild, session) | {"unavailable": False}
                )

    def _guild(self, guild: Guild, session: Session) -> Json:
        return guild_json(guild, self.world.bot, all_members=bool(session.intents & MEMBERS))

    def guild_added(self, guild: Guild) -> None:
        """The bot is in a server that it was not in before."""
        for session in self.sessions.values():
            if session.serves(guild) and session.intents & GUILDS:
                session.dispatch("GUILD_CREATE", self._guild(guild, session))

    def guild_left(self, guild: Guild) -> None:
        """The bot is out of a server: it left, or was put out."""
        member = guild.members.pop(self.world.bot.id)
        for role in member.roles:
            if role.bot is self.world.bot:
                del guild.roles[role.id]
        told = {"id": str(guild.id)}
        self.publish(Event("GUILD_DELETE", GUILDS, guild, lambda _: told))
        self.world.changed()

    def _resume(self, connection: Connection, data: Json) -> tuple[int, str] | None:
        if data["token"] != self.token:
            return 4004, "Authentication failed."
        session = self.sessions.get(data["session_id"])
        seen = data["seq"] or 0
        if session is None or (session.told and session.told[0]["s"] > seen + 1):
            connection.send(INVALID_SESSION, data=False)
            return None
        if seen > session.sequence:
            return 4007, "Invalid seq."
        self.world.counters.resumes += 1
        session.connection, connection.session = connection, session
        for frame in session.told:
            if frame["s"] > seen:
                connection.queue.put_nowait(frame)
        session.dispatch("RESUMED", {"_trace": []})
        return None

    def _members(self, session: Session | None, data: Json) -> None:
        assert session is not None
        guild = self.world.guilds.get(int(data["guild_id"]))
        if guild is None or not self.world.bot_is_in(guild):
            return
        wanted = {int(key) for key in data.get("user_ids") or []}
        query = (data.get("query") or "").casefold()
        if not (wanted or query or session.intents & MEMBERS):
            return
        found = [
            member_json(member)
            for member in guild.members.values()
            if (
                member.user.id in wanted
                if wanted
                else member.user.name.casefold().startswith(query)
            )
        ]
        chunk: Json = {
            "guild_id": str(guild.id),
            "members": found[: data.get("limit") or None],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [],
            "nonce": data.get("nonce"),
        }
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)

    @property
    def connected(self) -> bool:
        """Whether every shard of the bot has a session with a connection."""
        held = {each.shard[0] for each in self.sessions.values() if each.connection}
        return len(held) == self.shards

    def drop(self, *, resumable: bool, code: int | None) -> None:
        """Break every connection: cut, or closed with a code; else the session is gone too."""
        for connection in list(self.connections):
            session = connection.session
            connection.is_dropped = True
            if session is not None:
                session.connection = None
                if not resumable:
                    self.sessions.pop(session.id, None)
            if code is None:
                connection.abort()
            else:
                # The reader's loop ends with it, and the task with the reader's.
                connection.closing = asyncio.create_task(connection.socket.close(code=code))

    async def close(self) -> None:
        """Cut what is left, so that the server can stop."""
        for connection in list(self.connections):
            if connection.closing is not None:
                connection.closing.cancel()
            connection.abort()

    def invalidate(self, *, resumable: bool) -> None:
        """Say that the sessions are invalid."""
        for connection in self.connections:
            if connection.session is not None and not resumable:
                self.sessions.pop(connection.session.id, None)
            connection.send(INVALID_SESSION, resumable)

    def ask_to_reconnect(self) -> None:
        """Ask every client to connect anew, as before maintenance."""
        for connection in self.connections:
            connection.send(RECONNECT)


def application_flags(granted: int) -> int:
    """The portal's switches as flags of the application."""
    flags = 0
    for intent, flag in ((1 << 1, 1 << 15), (1 << 8, 1 << 13), (1 << 15, 1 << 19)):
        flags |= flag if granted & intent else 0
    return flags
