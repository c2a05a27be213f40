"""A channel is set up, taught, reviewed and cleared by the people of a Discord server."""

from __future__ import annotations

from tests.platforms.discord_server.limits import Limits, Rate
from tests.platforms.discord_server.people import File
from tests.platforms.discord_server.permissions import Permission
from tests.platforms.discord_server.server import FakeDiscord
from tests.support.serving import serving


async def test_a_channel_is_set_up_taught_reviewed_and_cleared(tmp_path):
    async with FakeDiscord(limits=Limits(messages=Rate(50, 1), edits=Rate(50, 1))) as fake:
        club = fake.server("Aquarists")
        general = club.channel("general")
        alice = club.join(fake.person("Alice"))
        admin = club.join(fake.person("Root"), club.role("root", Permission.ADMINISTRATOR))
        async with serving(tmp_path, fake) as bot:
            assert "discord" in bot.ready
            await fake.connected()

            shown = await admin.slash(general, "setup")
            await shown.until(lambda s: "drop a file here" in s.text)
            first = shown.message
            assert first is not None
            await admin.choose(first, "who teaches me", "everyone, after review")
            await fake.wait_for(lambda: "everyone, after review" in first.content)

            file = File("pumps.txt", b"The blue pump runs until nine.")
            asked = await alice.say(general, f"{fake.bot.mention} /kb add", files=[file])
            card = await fake.answer(asked, lambda m: "for a moderator to decide" in m.content)
            assert "The blue pump runs until nine." in card.content
            refused = await alice.press(card, "Accept")
            await refused.until(lambda s: "Only moderators may do that" in s.text)
            assert refused.ephemeral
            await admin.press(card, "Accept")
            await fake.wait_for(lambda: "Accepted by" in card.content)
            assert "Added `pumps.txt`: 1 passage" in card.content
            assert card.content.count("pumps.txt") == 1

            names = await alice.complete(general, "kb remove", "name", "pu")
            assert [choice.name for choice in names] == ["pumps.txt"]
            shown = await alice.slash(general, "kb remove", name="pumps.txt")
            await shown.until(lambda s: "Remove `pumps.txt`" in s.text)
            assert shown.message is not None
            stranger = await admin.press(shown.message, "Remove")
            await stranger.until(lambda s: "That is for whoever was asked" in s.text)
            await alice.press(shown.message, "Remove")
            await shown.until(lambda s: s.text == "Removed `pumps.txt` (1 passage).")

            theirs = await alice.say(general, "The red pump runs until ten.")
            shown = await admin.menu(theirs, "Add to knowledge base")
            await shown.until(lambda s: "Added `Alice " in s.text)
            shown = await alice.slash(general, "kb search", query="red pump")
            await shown.until(lambda s: "until ten" in s.text)
            await alice.delete(theirs)
            told = ""
            for _again in range(50):  # the deletion is told beside the commands, not before them
                shown = await admin.slash(general, "kb list")
                await shown.until(lambda s: s.text)
                told = shown.text
                if "There are no documents here yet." in told:
                    break
            assert "There are no documents here yet." in told
        assert "Traceback" not in bot.log
