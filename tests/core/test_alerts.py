"""Owners learn of a trouble once, and once that it is over, however it comes and goes."""

from __future__ import annotations

import pytest

from core.alerts import SETTLING_SECONDS, Alerts, Overhearing, Subject, Trouble, has_room
from core.events import Platform
from core.language import words
from core.meters import Generated, Replied, Searched

GIB = 1 << 30
DISK = Subject(Trouble.DISK)
DISCORD = Subject(Trouble.SURFACE, "discord")


class Owner:
    """Reads what is told while reachable; the clock is a test's own."""

    def __init__(self, language: str = "en"):
        self.now = 1000.0
        self.reachable = True
        self.told: list[str] = []
        self.alerts = Alerts(self.tell, words(language), lambda: self.now)

    async def tell(self, text: str) -> bool:
        if self.reachable:
            self.told.append(text)
        return self.reachable

    async def after(self, seconds: float) -> list[str]:
        """What was told by then, with looks all along."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + 15, end)
            await self.alerts.look()
        told, self.told = self.told, []
        return told


async def test_a_full_disk_is_told_once_and_once_that_there_is_room():
    owner = Owner()
    owner.alerts.observe(DISK, well=False, detail="300 MB")
    (told,) = await owner.after(3600)
    assert "300 MB" in told
    assert owner.alerts.standing == {DISK}
    owner.alerts.observe(DISK, well=True)
    (told,) = await owner.after(3600)
    assert "room again" in told
    assert owner.alerts.standing == frozenset()


async def test_what_comes_and_goes_is_one_trouble():
    owner = Owner()
    owner.alerts.observe(DISK, well=False, detail="1 MB")
    assert len(await owner.after(15)) == 1
    for _ in range(20):
        owner.alerts.observe(DISK, well=True)
        assert await owner.after(SETTLING_SECONDS - 15) == []
        owner.alerts.observe(DISK, well=False)
        assert await owner.after(30) == []
    owner.alerts.observe(DISK, well=True)
    assert len(await owner.after(SETTLING_SECONDS + 15)) == 1


async def test_a_connection_that_is_back_soon_is_not_worth_a_word():
    owner = Owner()
    owner.alerts.observe(DISCORD, well=False, detail="away")
    assert await owner.after(100) == []
    owner.alerts.observe(DISCORD, well=True)
    assert await owner.after(1000) == []
    owner.alerts.observe(DISCORD, well=False, detail="away")
    (told,) = await owner.after(150)
    assert "discord" in told
    assert "away" in told


async def test_a_trouble_that_nobody_could_be_told_is_told_when_somebody_can_be():
    owner = Owner()
    owner.reachable = False
    owner.alerts.observe(DISK, well=False, detail="1 MB")
    assert await owner.after(600) == []
    owner.reachable = True
    assert len(await owner.after(15)) == 1
    owner.reachable = False
    owner.alerts.observe(DISK, well=True)
    assert await owner.after(600) == []
    owner.reachable = True
    assert len(await owner.after(600)) == 1


async def test_a_trouble_that_is_over_before_anybody_heard_of_it_is_never_told():
    owner = Owner()
    owner.reachable = False
    owner.alerts.observe(DISK, well=False)
    await owner.after(600)
    owner.alerts.observe(DISK, well=True)
    await owner.after(600)
    owner.reachable = True
    assert await owner.after(600) == []


async def test_two_engines_are_two_troubles():
    owner = Owner()
    for name in ("house", "cloud"):
        owner.alerts.observe(Subject(Trouble.ENGINE, name), well=False)
    assert len(await owner.after(15)) == 2


@pytest.mark.parametrize("trouble", Trouble)
async def test_every_trouble_has_its_words_in_chinese(trouble):
    said = {}
    for language in ("en", "zh"):
        owner = Owner(language)
        subject = Subject(trouble, "x")
        owner.alerts.observe(subject, well=False, detail="y")
        begun = await owner.after(200)
        owner.alerts.observe(subject, well=True)
        said[language] = begun + await owner.after(200)
    assert len(said["en"]) == len(said["zh"]) == 2
    assert not set(said["en"]) & set(said["zh"])


def _asked(code: str, engine: str = "house") -> Generated:
    return Generated(engine, 0, 1, code=code)


async def test_an_engine_is_in_trouble_after_three_failures_in_a_row():
    owner = Owner()
    heard = Overhearing(owner.alerts, embeds=True)
    for code in ("engine_unavailable", "engine_timeout", "", "engine_timeout", "engine_broke_off"):
        heard.note(_asked(code))
    assert await owner.after(60) == []
    heard.note(_asked("engine_unavailable"))
    (told,) = await owner.after(60)
    assert "house" in told
    heard.note(_asked(""))
    (told,) = await owner.after(SETTLING_SECONDS + 15)
    assert "again" in told


async def test_a_question_that_is_too_long_is_no_trouble_of_the_engine():
    owner = Owner()
    heard = Overhearing(owner.alerts, embeds=True)
    for _ in range(10):
        heard.note(_asked("context_too_long"))
        heard.note(Replied(Platform.WEB, "failed", 1, "engine_refused"))
    assert await owner.after(60) == []


async def test_searching_by_words_alone_is_a_trouble_where_an_embedder_should_serve():
    owner = Owner()
    for embeds, expected in ((False, 0), (True, 1)):
        heard = Overhearing(owner.alerts, embeds=embeds)
        for _ in range(3):
            heard.note(Searched(0.1, 0.5, by_words_alone=True))
        assert len(await owner.after(60)) == expected


def test_a_disk_that_was_full_needs_twice_the_room_to_count_as_well():
    assert has_room(2 * GIB, 100 * GIB, had_room=True)
    assert not has_room(GIB - 1, 100 * GIB, had_room=True)
    assert not has_room(2 * GIB - 1, 100 * GIB, had_room=False)
    assert has_room(2 * GIB, 100 * GIB, had_room=False)
    # Of a small disk a part is enough.
    assert has_room(200 << 20, 4 * GIB, had_room=True)
