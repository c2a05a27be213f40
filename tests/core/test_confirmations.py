from __future__ import annotations

import pytest

from core.confirmations import OPEN_SECONDS, Confirmations
from core.database import Database
from core.errors import NoLongerOpenError, NotYoursError
from core.events import ChannelRef, Invocation, MemberRef, Platform

TOWN = ChannelRef(Platform.DISCORD, "town")
ADA = MemberRef(Platform.DISCORD, "ada")
REMOVE = Invocation("kb remove", {"name": "手册.pdf", "all": True, "count": 3})


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def asked(tmp_path):
    clock = Clock()
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        yield Confirmations(database, clock=clock), clock


async def test_a_command_is_confirmed_once(asked):
    confirmations, _ = asked
    token = await confirmations.ask(TOWN, ADA, REMOVE)
    assert len(f"confirm:{token}") <= 40
    assert token.isascii()
    found = await confirmations.take(token, TOWN, ADA)
    assert found == REMOVE
    with pytest.raises(NoLongerOpenError):
        await confirmations.take(token, TOWN, ADA)


async def test_only_who_was_asked_confirms_and_it_stays_open_for_them(asked):
    confirmations, _ = asked
    token = await confirmations.ask(TOWN, ADA, REMOVE)
    for other in (MemberRef(Platform.DISCORD, "eve"), MemberRef(Platform.TELEGRAM, "ada")):
        with pytest.raises(NotYoursError):
            await confirmations.take(token, TOWN, other)
    assert await confirmations.take(token, TOWN, ADA) == REMOVE


@pytest.mark.parametrize(
    "elsewhere",
    [ChannelRef(Platform.DISCORD, "other"), ChannelRef(Platform.TELEGRAM, "town")],
)
async def test_a_button_that_was_copied_to_another_chat_opens_nothing(asked, elsewhere):
    confirmations, _ = asked
    token = await confirmations.ask(TOWN, ADA, REMOVE)
    with pytest.raises(NoLongerOpenError):
        await confirmations.take(token, elsewhere, MemberRef(elsewhere.platform, "ada"))


@pytest.mark.parametrize("token", ["", "x", "%", "' OR 1=1 --", "\ud800"])
async def test_a_made_up_token_opens_nothing(asked, token):
    confirmations, _ = asked
    await confirmations.ask(TOWN, ADA, REMOVE)
    with pytest.raises(NoLongerOpenError):
        await confirmations.take(token, TOWN, ADA)


async def test_a_question_does_not_stay_open_for_ever(asked):
    confirmations, clock = asked
    token = await confirmations.ask(TOWN, ADA, REMOVE)
    clock.now += OPEN_SECONDS + 1
    with pytest.raises(NoLongerOpenError):
        await confirmations.take(token, TOWN, ADA)


async def test_who_asked_anonymously_confirms_under_their_own_name(asked):
    confirmations, _ = asked
    group = ChannelRef(Platform.TELEGRAM, "-42")
    token = await confirmations.ask(group, MemberRef(Platform.TELEGRAM, "-42"), REMOVE)
    person = MemberRef(Platform.TELEGRAM, "7")
    with pytest.raises(NotYoursError):
        await confirmations.take(token, group, person)
    assert await confirmations.take(token, group, person, administers=True) == REMOVE
    token = await confirmations.ask(group, MemberRef(Platform.TELEGRAM, "8"), REMOVE)
    with pytest.raises(NotYoursError):
        await confirmations.take(token, group, person, administers=True)
