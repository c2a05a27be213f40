"""A channel is set up, taught, reviewed and cleared by the people of a Discord server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.platforms.discord_server.limits import Limits, Rate
from tests.platforms.discord_server.people import File, Person
from tests.platforms.discord_server.permissions import Permission
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.discord_server.state import Channel, Message
from tests.support.serving import Serving, serving


@dataclass(frozen=True)
class Club:
    """A server with a channel, a member and an admin; the bot serves it."""

    fake: FakeDiscord
    bot: Serving
    general: Channel
    alice: Person
    admin: Person

    async def asks(self, who: Person, line: str, wanted: str, **options: object) -> Message:
        """A slash command; its answer once that says what is wanted."""
        shown = await who.slash(self.general, line, **options)
        await shown.until(lambda s: wanted in s.text)
        assert shown.message is not None
        return shown.message


@pytest.fixture
async def club(tmp_path, privileged) -> AsyncIterator[Club]:
    quick = Limits(messages=Rate(50, 1), edits=Rate(50, 1))
    async with FakeDiscord(limits=quick, privileged=privileged) as fake:
        server = fake.server("Aquarists")
        general = server.channel("general")
        alice = server.join(fake.person("Alice"))
        admin = server.join(fake.person("Root"), server.role("root", Permission.ADMINISTRATOR))
        async with serving(tmp_path, fake) as bot:
            await fake.connected()
            yield Club(fake, bot, general, alice, admin)
            assert "Traceback" not in bot.log


async def test_a_channel_is_set_up_and_a_members_upload_reviewed(club):
    setup = await club.asks(club.admin, "setup", "drop a file here")
    await club.admin.choose(setup, "who teaches me", "everyone, after review")
    await club.fake.wait_for(lambda: "everyone, after review" in setup.content)

    file = File("pumps.txt", b"The blue pump runs until nine.")
    mention = club.fake.bot.mention
    asked = await club.alice.say(club.general, f"{mention} /kb add", files=[file])
    card = await club.fake.answer(asked, lambda m: "for a moderator to decide" in m.content)
    assert "The blue pump runs until nine." in card.content
    refused = await club.alice.press(card, "Accept")
    await refused.until(lambda s: "Only moderators may do that" in s.text)
    assert refused.ephemeral
    await club.admin.press(card, "Accept")
    await club.fake.wait_for(lambda: "Accepted by" in card.content)
    assert "Added `pumps.txt`: 1 passage" in card.content


async def test_what_a_member_added_they_take_out_after_a_question(club):
    file = File("pumps.txt", b"The blue pump runs until nine.")
    mention = club.fake.bot.mention
    asked = await club.admin.say(club.general, f"{mention} /kb add", files=[file])
    await club.fake.answer(asked, lambda m: "Added `pumps.txt`" in m.content)

    names = await club.admin.complete(club.general, "kb remove", "name", "pu")
    assert [choice.name for choice in names] == ["pumps.txt"]
    assert await club.alice.complete(club.general, "kb remove", "name", "pu") == []
    question = await club.asks(club.admin, "kb remove", "Remove `pumps.txt`", name="pumps.txt")
    refused = await club.alice.press(question, "Remove")
    await refused.until(lambda s: "That is for whoever was asked" in s.text)
    await club.admin.press(question, "Remove")
    await club.fake.wait_for(
        lambda: question.content.startswith("Removed `pumps.txt` (1 passage).")
    )


async def test_a_message_that_was_taught_goes_with_its_deletion(club):
    theirs = await club.alice.say(club.general, "The red pump runs until ten.")
    shown = await club.admin.menu(theirs, "Add to knowledge base")
    await shown.until(lambda s: "Added `Alice " in s.text)
    await club.asks(club.alice, "kb search", "until ten", query="red pump")
    await club.alice.delete(theirs)
    for _again in range(30):  # the deletion is told beside the commands, not before them
        shown = await club.admin.slash(club.general, "kb list")
        await shown.until(lambda s: "documents here" in s.text or "Alice" in s.text)
        if "There are no documents here yet." in shown.text:
            break
    assert "There are no documents here yet." in shown.text


async def test_a_message_that_was_taught_goes_too_if_it_was_deleted_while_the_bot_was_away(
    club,
):
    stays = await club.alice.say(club.general, "The blue pump runs until nine.")
    goes = await club.alice.say(club.general, "The red pump runs until ten.")
    for theirs in (stays, goes):
        shown = await club.admin.menu(theirs, "Add to knowledge base")
        await shown.until(lambda s: "Added `Alice " in s.text)
    assert await club.bot.stop() == 0
    await club.alice.delete(goes)
    await club.bot.start()
    await club.fake.connected()
    for _again in range(30):  # it is found beside the commands, not before them
        shown = await club.admin.slash(club.general, "kb list")
        await shown.until(lambda s: "Alice" in s.text)
        if "1 document" in shown.text:
            break
    assert "1 document" in shown.text
    await club.asks(club.alice, "kb search", "until nine", query="blue pump")
