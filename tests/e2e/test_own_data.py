"""A member takes what is theirs along and is forgotten; the bot is a process of its own."""

from __future__ import annotations

import json

from tests.platforms.discord_server.limits import Limits, Rate
from tests.platforms.discord_server.people import File
from tests.platforms.discord_server.permissions import Permission
from tests.platforms.discord_server.server import FakeDiscord
from tests.support.serving import serving
from tests.support.shell import bot as shell

MARK = "zaubernuss"
QUICK = Limits(messages=Rate(50, 1), edits=Rate(50, 1))


def holding(folder):
    found = []
    for path in sorted((folder / "data").rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        if MARK.encode() in content or MARK.encode("utf-16-le") in content or MARK in path.name:
            found.append(path.name)
    return found


async def test_what_a_member_wrote_goes_from_the_disk_of_a_bot_that_serves(tmp_path, privileged):
    async with FakeDiscord(limits=QUICK, privileged=privileged) as fake:
        server = fake.server("Aquarists")
        general = server.channel("general")
        alice = server.join(fake.person("Alice"), server.role("root", Permission.ADMINISTRATOR))
        eve = server.join(fake.person("Eve"))
        async with serving(tmp_path, fake) as served:
            await fake.connected()
            mention = fake.bot.mention
            file = File(f"{MARK}.txt", f"The {MARK} flowers at the gate in winter.".encode())
            asked = await alice.say(general, f"{mention} /kb add", files=[file])
            await fake.answer(asked, lambda m: "Added" in m.content)
            asked = await eve.say(general, f"{mention} When does the {MARK} flower?")
            await fake.answer(asked, lambda m: "winter" in m.content)
            asked = await alice.say(general, f"{mention} Where does the {MARK} flower?")
            await fake.answer(asked, lambda m: "gate" in m.content)
            assert holding(tmp_path)

            shown = await alice.slash(general, "export")
            await shown.until(lambda s: any(one.files for one in s.messages))
            assert shown.ephemeral
            (file,) = [file for one in shown.messages for file in one.files]
            held = json.loads(file.data)
            assert [row["question"] for row in held["records"]["exchanges"]] == [
                f"Where does the {MARK} flower?"
            ]
            assert [one["name"] for one in held["uploads"]] == [f"{MARK}.txt"]

            shown = await alice.slash(general, "forgetme")
            await shown.until(lambda s: "for good: 1 question" in s.text)
            assert shown.ephemeral
            await alice.press(shown.message, "Erase, files too")
            await fake.wait_for(lambda: "I have forgotten you" in shown.text)
            # What Eve asked is Eve's.
            assert set(holding(tmp_path)) <= {"lorekeeper.db", "lorekeeper.db-wal"}
            shown = await eve.slash(general, "forgetme")
            await shown.until(lambda s: "for good: 1 question" in s.text)
            await eve.press(shown.message, "Erase, leave the files")
            await fake.wait_for(lambda: "I have forgotten you" in shown.text)
            assert holding(tmp_path) == []
            assert "Traceback" not in served.log
            assert await served.stop() == 0
        assert holding(tmp_path) == []
        done = shell(tmp_path, "forget", f"discord:{eve.user.id}", "--yes")
        assert (done.code, "is forgotten" in done.out) == (0, True), done.err
        assert shell(tmp_path, "forget", "nobody", "--yes").code == 2


async def test_who_was_forgotten_is_not_answered_again_when_the_bot_catches_up(
    tmp_path, privileged
):
    async with FakeDiscord(limits=QUICK, privileged=privileged) as fake:
        server = fake.server("Aquarists")
        general = server.channel("general")
        alice = server.join(fake.person("Alice"), server.role("root", Permission.ADMINISTRATOR))
        eve = server.join(fake.person("Eve"))
        async with serving(tmp_path, fake) as served:
            await fake.connected()
            mention = fake.bot.mention
            file = File("pumps.txt", b"The small tank takes the pump P-3.")
            asked = await alice.say(general, f"{mention} /kb add", files=[file])
            await fake.answer(asked, lambda m: "Added" in m.content)
            hers = await eve.say(general, f"{mention} Which pump does the small tank take?")
            await fake.answer(hers, lambda m: "P-3" in m.content)
            shown = await eve.slash(general, "forgetme")
            await shown.until(lambda s: "for good: 1 question" in s.text)
            await eve.press(shown.message, "Erase, files too")
            await fake.wait_for(lambda: "I have forgotten you" in shown.text)
            await served.kill()
            missed = await alice.say(general, f"{mention} Which pump does the small tank take?")
            again = await eve.say(general, f"{mention} And which one does the small tank need?")
            await served.start()
            await fake.answer(missed, lambda m: "P-3" in m.content)
            # What she asks after it is a question like any other.
            await fake.answer(again, lambda m: m.content != "")
            answers = [m for m in fake.said_by_bot(general) if m.reply_to is hers]
            assert len(answers) == 1
            assert await served.stop() == 0
