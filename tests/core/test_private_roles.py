from __future__ import annotations

from dataclasses import replace

import pytest

from core.admission import Admission
from core.admission_rows import Admissions
from core.belonging import Belonging
from core.database import Database
from core.envoy import Envoy
from core.errors import ForbiddenError
from core.events import MemberRef, Platform
from core.gate import Gate
from core.permissions import Level, Rules, level_of, listed
from core.private_roles import KNOWN_SECONDS, PrivateRoles
from core.settings import AdmissionSettings
from tests.support.messages import conversation
from tests.support.places import Town, open_places, said, whispered
from tests.support.shelf import Shelf

ADA = MemberRef(Platform.DISCORD, "ada")


@pytest.fixture
async def scene(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        yield Scene(database)


class Scene:
    def __init__(self, database):
        self.database = database
        self.town = Town()
        self.now = 0.0
        self.town.readers = {"square": {"ada"}}

    async def level(self, blocked=(), allowed=(), asked=None):
        """What somebody may do in private by these lists."""
        await open_places(self.database, Shelf()).sightings.saw(said("square"))
        self.rules = Rules(blocked=listed(blocked), allowed=listed(allowed))
        outboxes = {Platform.DISCORD: self.town}
        if not hasattr(self, "roles"):
            self.roles = PrivateRoles(
                open_places(self.database, Shelf()).sightings,
                outboxes,
                (self.rules.blocked, self.rules.allowed),
                clock=lambda: self.now,
            )
        self.rules = replace(self.rules, roles_of=self.roles.of)
        asked = asked or whispered("ada")
        await self.roles.learn(asked)
        return level_of(asked, self.rules)


async def test_a_blocked_role_blocks_in_private_too(scene):
    scene.town.roles = {"ada": {"9"}}
    assert await scene.level(blocked=["discord:role:9"]) is Level.BLOCKED


async def test_an_allowed_role_serves_in_private_too(scene):
    scene.town.roles = {"ada": {"9"}}
    assert await scene.level(allowed=["discord:role:9"]) is Level.CHANNEL_ADMIN


async def test_who_has_no_allowed_role_is_not_served_in_private(scene):
    scene.town.roles = {"ada": {"8"}}
    assert await scene.level(allowed=["discord:role:9"]) is Level.BLOCKED
    assert await scene.level(allowed=["discord:role:9"], asked=whispered("eve")) is Level.BLOCKED


async def test_a_role_that_was_taken_away_counts_no_longer_than_some_minutes(scene):
    scene.town.roles = {"ada": {"9"}}
    assert await scene.level(allowed=["discord:role:9"]) is Level.CHANNEL_ADMIN
    scene.town.roles = {}
    assert await scene.level(allowed=["discord:role:9"]) is Level.CHANNEL_ADMIN
    scene.now += KNOWN_SECONDS + 1
    assert await scene.level(allowed=["discord:role:9"]) is Level.BLOCKED


@pytest.mark.parametrize("blocked", [(), ("discord:ada",), ("telegram:role:9",)])
async def test_where_no_role_of_the_platform_is_listed_nobody_is_asked(scene, blocked):
    scene.town.roles = {"ada": {"9"}}
    await scene.level(blocked=blocked)
    assert scene.town.looked_up == []
    assert scene.roles.of(ADA) == frozenset()


@pytest.mark.parametrize(
    "lists", [{"blocked": ["discord:role:9"]}, {"allowed": ["discord:role:7"]}]
)
async def test_where_the_platform_is_away_nobody_gets_past_a_list(scene, lists):
    scene.town.roles = {"ada": {"9"}}
    for _ in range(2):
        scene.town.refuse("standing", ForbiddenError(conversation("square")))
        with pytest.raises(ForbiddenError):
            await scene.level(**lists)
        assert scene.roles.of(ADA) == frozenset()
    assert await scene.level(**lists) is Level.BLOCKED
    assert scene.town.looked_up == [("ada", "square")] * 3


async def test_one_server_that_cannot_be_asked_is_enough_to_say_nothing(scene):
    places = open_places(scene.database, Shelf())
    await places.sightings.saw(said("harbour", server="s2"))
    scene.town.readers["harbour"] = {"ada"}
    scene.town.refuse("standing", ForbiddenError(conversation("square")))
    with pytest.raises(ForbiddenError):
        await scene.level(blocked=["discord:role:9"])
    assert len(scene.town.looked_up) == 2
    assert await scene.level(blocked=["discord:role:9"]) is Level.CHANNEL_ADMIN


async def test_in_a_channel_the_roles_are_those_that_came_with_the_message(scene):
    scene.town.roles = {"ada": {"9"}}
    assert await scene.level(blocked=["discord:role:9"], asked=said("square")) is Level.MEMBER


async def test_the_gate_turns_away_in_private_who_has_a_blocked_role(scene):
    scene.town.roles = {"ada": {"9"}}
    await scene.level(blocked=["discord:role:9"])
    places = open_places(scene.database, Shelf(), {Platform.DISCORD: scene.town})
    envoy = Envoy({Platform.DISCORD: scene.town})
    admission = Admission(
        Admissions(scene.database),
        places.sightings,
        Belonging(places.sightings, {}),
        envoy,
        AdmissionSettings("open", (), "open"),
    )
    gate = Gate(admission, places.channels, places.sightings, scene.rules, envoy)
    assert not await gate.admits(whispered("ada"))
    assert await gate.admits(whispered("bob"))
