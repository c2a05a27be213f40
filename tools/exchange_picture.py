"""Writes docs/images/chat.png: a real exchange with the bot, as a chat client shows it.

python tools/exchange_picture.py [FILE.png]

The bot runs as a process of its own against the local Discord of the tests; what that server holds
in the end is what is drawn. Needs chromium and playwright (the extra `dev`).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from markdown_it import MarkdownIt
from PIL import Image

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.platforms.discord_server.filling import File  # noqa: E402
from tests.platforms.discord_server.people import Person  # noqa: E402
from tests.platforms.discord_server.server import FakeDiscord  # noqa: E402
from tests.platforms.discord_server.state import (  # noqa: E402
    Channel,
    Json,
    Message,
    StoredFile,
    User,
)
from tests.support.serving import serving  # noqa: E402

PICTURE: Final = ROOT / "docs" / "images" / "chat.png"
PAGE: Final = Path(__file__).with_suffix(".html")
WIDTH: Final = 780
LARGEST_BYTES: Final = 300_000
SECONDS: Final = 60.0

GUIDE: Final = """# Caring for the reef tank

Change a tenth of the water every Saturday; new water stands overnight first.

Rinse the pump's sponge once a month in a bucket of tank water. Never wash it under the tap.
"""
RULES: Final = """# 海水缸守则

停电超过半小时，先接上柜子里的备用气泵，再打电话给当周的值班员。停电期间不要喂食。
"""
_COLOURS: Final = ("#b4532a", "#2f6f4f", "#7a4aa0", "#1d6a96")
_DRAWN: Final = {"👍": "thumb", "👎": "thumb down"}
"""Drawn by the page: not every machine has a font with them."""
_BUTTON: Final = 2
"""Discord's number for that kind of component."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was said, and whose eyes see it."""

    discord: FakeDiscord
    channel: Channel
    viewer: User

    @property
    def messages(self) -> list[Message]:
        """What the viewer sees, oldest first; also what nobody else does. Without the card that
        sets a server up: its menus are not drawn."""
        whispers = [
            each
            for each in self.discord.world.whispers
            if each.channel is self.channel and each.shown_to is self.viewer and not each.deleted
        ]
        seen = sorted([*self.channel.messages.values(), *whispers], key=lambda each: each.id)
        return [each for each in seen if all(item["type"] == _BUTTON for item in _buttons(each))]


async def play(discord: FakeDiscord) -> Exchange:
    """Two files are uploaded; a question in English with its sources, and one in Chinese."""
    ada, ben, lin = (discord.person(name) for name in ("Ada", "Ben", "林秋"))
    club = discord.server("Aquarists", owner=ada)
    channel = club.channel("reef-tank")
    for person in (ben, lin):
        club.join(person)
    await discord.connected()
    bot = discord.bot.mention
    files = [File("reef-tank.md", GUIDE.encode()), File("海水缸守则.md", RULES.encode())]
    upload = await ada.say(channel, bot, files=files)
    await discord.answer(upload, lambda own: own.content.count("Added") == len(files), SECONDS)

    answer = await _asked(discord, ben, channel, f"{bot} How do I clean the sponge of the pump?")
    shown = await ben.press(answer, "sources")
    await shown.until(lambda own: own.ephemeral and own.text, SECONDS)

    await _asked(discord, lin, channel, f"{bot} 停电期间可以喂食吗？")
    return Exchange(discord, channel, ben.user)


async def _asked(discord: FakeDiscord, who: Person, where: Channel, text: str) -> Message:
    question = await who.say(where, text)
    return await discord.answer(question, _is_complete, SECONDS)


def _is_complete(answer: Message) -> bool:
    return any(item.get("custom_id") == "sources" for item in _buttons(answer))


def _buttons(message: Message) -> list[Json]:
    return [item for row in message.components for item in row["components"]]


def page_of(exchange: Exchange) -> str:
    """The exchange as a page that needs nothing from outside."""
    server = exchange.channel.guild
    messages = "\n".join(_message(each, exchange) for each in exchange.messages)
    return Template(PAGE.read_text(encoding="utf-8")).substitute(
        width=WIDTH,
        channel=escape(exchange.channel.name),
        server=escape("" if server is None else server.name),
        messages=messages,
    )


def _message(message: Message, exchange: Exchange) -> str:
    author = message.author
    badge = '<span class="badge">bot</span>' if author.is_bot else ""
    own = message.shown_to is not None
    parts = [
        "" if own or message.reply_to is None else _quoted(message.reply_to, exchange),
        f'<div class="author">{escape(author.name)}{badge}</div>',
        f'<div class="text">{_text(message.content, exchange)}</div>',
        *(_file(each) for each in message.files),
        _row(message),
        '<div class="note">Only you can see this</div>' if own else "",
    ]
    kind = "message own" if own else "message"
    return f'<article class="{kind}">{_face(author)}<div>{"".join(parts)}</div></article>'


def _face(user: User) -> str:
    if user.is_bot:
        return '<div class="face bot"><svg><use href="#book"/></svg></div>'
    colour = _COLOURS[sum(map(ord, user.name)) % len(_COLOURS)]
    return f'<div class="face" style="background:{colour}">{escape(user.name[0])}</div>'


def _quoted(message: Message, exchange: Exchange) -> str:
    text = _text(message.content, exchange)
    plain = re.sub(r"</?p>", " ", text)
    return f'<div class="quoted"><b>{escape(message.author.name)}</b> {plain}</div>'


def _text(content: str, exchange: Exchange) -> str:
    """Markdown as the client shows it, with names in place of mentions."""
    rendered: str = MarkdownIt("commonmark", {"html": False, "breaks": True}).render(content)
    people = exchange.discord.world.users

    def named(found: re.Match[str]) -> str:
        return f'<span class="mention">@{escape(people[int(found[1])].name)}</span>'

    return re.sub(r"&lt;@(\d+)&gt;", named, rendered)


def _file(file: StoredFile) -> str:
    name, size = escape(file.filename), f"{file.size} B"
    icon = '<svg><use href="#page"/></svg>'
    return f'<div class="file">{icon}<div>{name}<small>{size}</small></div></div>'


def _row(message: Message) -> str:
    buttons = "".join(f"<span>{_label(item)}</span>" for item in _buttons(message))
    return f'<div class="buttons">{buttons}</div>' if buttons else ""


def _label(item: Json) -> str:
    label = str(item.get("label") or "")
    drawn = _DRAWN.get(label)
    return f'<svg class="{drawn}"><use href="#thumb"/></svg>' if drawn else escape(label)


async def photograph(page: str, picture: Path) -> None:
    """What a browser shows of it. Raises `SystemExit` where there is none."""
    from playwright.async_api import async_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no chromium on this machine: name it in CHROMIUM")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = await browser.new_page(
            viewport={"width": WIDTH, "height": 200}, device_scale_factor=1.5
        )
        await opened.set_content(page)
        await opened.screenshot(path=picture, full_page=True)
        await browser.close()


async def draw(picture: Path) -> None:
    """Play it, and photograph what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        async with FakeDiscord() as discord, serving(Path(folder), discord):
            page = page_of(await play(discord))
    await photograph(page, picture)


def main() -> None:
    """Draw it, and see to it that the file is small."""
    picture = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    asyncio.run(draw(picture))
    with Image.open(picture) as drawn:
        few = drawn.convert("RGB").quantize(dither=Image.Dither.NONE)
    few.save(picture, optimize=True)
    size = picture.stat().st_size
    if size > LARGEST_BYTES:
        raise SystemExit(f"{picture} has {size} bytes: more than {LARGEST_BYTES}")
    sys.stdout.write(f"{picture}: {size} bytes\n")


if __name__ == "__main__":
    main()
