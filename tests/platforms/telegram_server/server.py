"""The local Telegram: a Bot API over HTTP for the bot, and people who act for the test.

async with FakeTelegram() as telegram:
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    question = ada.say(group, "@lorekeeper_bot who wrote this?")
    answer = await telegram.answer_to(question)
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Self

from aiohttp import web

from tests.platforms.telegram_server import (
    api_chats,
    api_files,
    api_messages,
    api_newer,
    api_updates,
    parameters,
)
from tests.platforms.telegram_server.calls import Call, LoggedCall, Method, ServerOptions
from tests.platforms.telegram_server.changes import Found
from tests.platforms.telegram_server.errors import ApiError, not_found
from tests.platforms.telegram_server.faults import Faults, LostAnswer
from tests.platforms.telegram_server.flood import Flood, FloodLimits
from tests.platforms.telegram_server.model import Account, Chat, Message
from tests.platforms.telegram_server.people import Person
from tests.platforms.telegram_server.stage import Stage, menu_scopes
from tests.platforms.telegram_server.updates import Updates
from tests.platforms.telegram_server.world import Bot, World

TOKEN = "4200000001:AAF-token_of_the_local_server_xxxxx"
_METHODS: dict[str, Method] = {
    name.lower(): method
    for module in (api_updates, api_messages, api_files, api_chats, api_newer)
    for name, method in module.METHODS.items()
}


class FakeTelegram(Stage):
    """Enter it in a test's loop; `api_base_url` and `file_base_url` are then set."""

    def __init__(
        self,
        *,
        username: str = "lorekeeper_bot",
        privacy_mode: bool = True,
        limits: FloodLimits | None = None,
        options: ServerOptions | None = None,
        token: str = TOKEN,
    ) -> None:
        self.options = options or ServerOptions()
        self.limits = limits or FloodLimits()
        super().__init__(World(self._time))
        self.faults = Faults(self.world.changes.announce)
        self.log: list[LoggedCall] = []
        self.bot = self.add_bot(username, token, privacy_mode=privacy_mode)
        self.token = token
        self._runner: web.AppRunner | None = None
        self._port = 0

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()

    def add_bot(self, username: str, token: str, *, privacy_mode: bool = True) -> Bot:
        """Another bot; with a process of its own behind it, or silent."""
        account = Account(int(token.partition(":")[0]), username, username, is_bot=True)
        bot = Bot(
            account,
            token,
            Updates(self.world.changes.announce),
            Flood(self.limits, self.world.clock),
            privacy_mode,
        )
        self.world.bots[token] = bot
        self.world.accounts[account.user_id] = account
        return bot

    # life

    @property
    def api_base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/bot"

    @property
    def file_base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/file/bot"

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        for bot in self.world.bots.values():
            await bot.updates.close()
        await self.disconnect()

    @asynccontextmanager
    async def outage(self) -> AsyncGenerator[None]:
        """Nobody answers while the block lasts; then the same address does again."""
        await self.disconnect()
        try:
            yield
        finally:
            await self.connect()

    async def connect(self) -> None:
        """Listen; after an outage on the same port as before."""
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/bot{token}/{method}", self._answer)
        application.router.add_get("/file/bot{token}/{path:.+}", self._download)
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def disconnect(self) -> None:
        """Refuse connections and cut those that are open: an outage."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # calls

    async def _answer(self, request: web.Request) -> web.Response:
        entry = LoggedCall(request.match_info["method"], {}, self.world.clock())
        try:
            given = await parameters.read(request)
            entry.parameters = given.values
            entry.files = {name: part.filename for name, part in given.parts.items()}
            self.log.append(entry)
            await self.faults.before(entry.method)
            result = await self._call(request.match_info["token"], entry.method, given)
            self.faults.after(entry.method)
            entry.status, body = 200, {"ok": True, "result": result}
        except LostAnswer:
            assert request.transport is not None
            request.transport.abort()
            entry.status, entry.description, body = 0, "lost", {}
        except ApiError as error:
            entry.status, entry.description, body = error.code, error.description, error.body()
        self.world.changes.announce()
        return web.json_response(body, status=entry.status or 500)

    async def _call(self, token: str, name: str, given: parameters.Parameters) -> object:
        bot = self._bot(token)
        method = _METHODS.get(name.lower())
        if method is None:
            raise not_found()
        result = method(Call(self.world, bot, given, self.options))
        return await result if inspect.isawaitable(result) else result

    def _bot(self, token: str) -> Bot:
        number, colon, secret = token.partition(":")
        if not colon or not number.isdigit() or not secret:
            raise not_found()
        if token not in self.world.bots:
            raise ApiError(401, "Unauthorized")
        return self.world.bots[token]

    async def _download(self, request: web.Request) -> web.Response:
        try:
            self._bot(request.match_info["token"])
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        for stored in self.world.files.values():
            if stored.path == request.match_info["path"]:
                return web.Response(body=stored.content, content_type="application/octet-stream")
        return web.json_response(not_found().body(), status=404)

    # looking

    async def wait_for(self, predicate: Callable[[], Found | None], timeout: float = 10.0) -> Found:  # noqa: ASYNC109
        """What the predicate returns once it is true; woken by events, not by looking again."""
        return await self.world.changes.wait_for(predicate, timeout)

    async def answer_to(
        self,
        question: Message,
        matching: Callable[[Message], bool] = lambda message: True,
        timeout: float = 10.0,  # noqa: ASYNC109
    ) -> Message:
        """The bot's first message that replies to one, or follows it in a private chat."""

        def look() -> Message | None:
            return next(filter(matching, self.answers_to(question)), None)

        return await self.wait_for(look, timeout)

    def calls(self, method: str) -> list[LoggedCall]:
        """The log of one method."""
        return [entry for entry in self.log if entry.method.lower() == method.lower()]

    @property
    def flood_violations(self) -> int:
        """Calls of the bot beyond the limits."""
        return self.bot.flood.violations

    @property
    def edits(self) -> dict[Message, int]:
        """How often each of the bot's messages was edited, wherever it is."""
        chats = [*self.world.chats.values(), *self.world.private.values()]
        return {
            message: message.edits
            for chat in chats
            for message in chat.everything
            if message.sender is self.bot.account
        }

    def flood(self, chat: Chat | None, seconds: float) -> None:
        """Refuse what the bot sends to a chat (or anywhere) for a while."""
        self.bot.flood.impose(None if chat is None else chat.chat_id, seconds)

    def commands_of(self, person: Person, chat: Chat) -> list[str]:
        """The command menu that somebody's client shows in a chat: the narrowest that is set."""
        commands = self.bot.commands
        for scope in menu_scopes(person.user_id, chat):
            for language in (person.account.language or "", ""):
                if (*scope, language) in commands:
                    return [each["command"] for each in commands[(*scope, language)]]
        return []

    def user(self, first_name: str, username: str | None = None, *, language: str = "en") -> Person:
        """A new person."""
        return Person(self, self.new_account(first_name, username, language))
