"""`python -m bot run` as a process beside local platforms that live in the test's own loop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.shell import environment

READY_SECONDS = 180
BOT = ("-m", "bot", "run")


class Serving:
    """A bot that serves; it can be killed and started again over the same data."""

    def __init__(
        self, folder: Path, environ: Mapping[str, str], program: Sequence[str] = BOT
    ) -> None:
        """`program`: what the interpreter is to run, for one that watches the bot from within."""
        self.folder = folder
        self._program = program
        self._environ = environ
        self._process: asyncio.subprocess.Process | None = None
        self.ready = ""

    @property
    def log(self) -> str:
        """What it has written to standard error, over all its lives."""
        return (self.folder / "bot.log").read_text(encoding="utf-8")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Returns when it is ready."""
        with (self.folder / "bot.log").open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, *self._program),
                cwd=self.folder,
                env=environment(self.folder) | dict(self._environ),
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(READY_SECONDS):
                async for line in self._process.stdout:
                    if line.startswith((b"ready:", "就绪：".encode())):
                        self.ready = line.decode().strip()
                        return
        except TimeoutError:
            pass
        raise AssertionError(f"never ready; its log:\n{self.log[-3000:]}")

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return await asyncio.wait_for(self._process.wait(), 60)

    async def kill(self) -> None:
        """No time for anything; a bot that has ended already stays ended."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def serving(
    folder: Path,
    discord: FakeDiscord | None = None,
    telegram: FakeTelegram | None = None,
    program: Sequence[str] = BOT,
    **environ: str,
) -> AsyncGenerator[Serving]:
    """A bot on these platforms, everybody admitted, without samples; it always ends.

    On Discord it asks for message content where the owner switched that on there.
    """
    values = {
        "LOREKEEPER__WEB__ENABLED": "false",
        "LOREKEEPER__KNOWLEDGE__FOLDERS": "{}",
        "LOREKEEPER__ADMISSION__POLICY": "open",
        "LOREKEEPER__ADMISSION__DIRECT_MESSAGES": "open",
        # Few people ask a lot here.
        "LOREKEEPER__LIMITS__QUESTIONS": "0",
        "LOREKEEPER__LIMITS__DAILY_QUESTIONS": "0",
    }
    if discord is not None:
        values["LOREKEEPER__DISCORD__TOKEN"] = discord.token
        values["LOREKEEPER__DISCORD__API_BASE_URL"] = discord.api_base_url
        values["LOREKEEPER__DISCORD__MESSAGE_CONTENT"] = str(discord.gives_content).lower()
    if telegram is not None:
        values["LOREKEEPER__TELEGRAM__TOKEN"] = telegram.token
        values["LOREKEEPER__TELEGRAM__API_BASE_URL"] = telegram.api_base_url
        values["LOREKEEPER__TELEGRAM__FILE_BASE_URL"] = telegram.file_base_url
    bot = Serving(folder, values | environ, program)
    try:
        await bot.start()
        yield bot
    finally:
        await bot.kill()
