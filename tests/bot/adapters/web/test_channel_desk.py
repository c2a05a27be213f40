"""Settings and admission from the console, by the rules of the chats."""

from __future__ import annotations

import pytest

from bot.adapters.web.channel_desk import ChannelDesk, key_of
from bot.adapters.web.visitors import Asker, Visitor
from core.admission import Admission
from core.admission_rows import Admissions
from core.audit import Act
from core.belonging import Belonging
from core.channel_settings import DEFAULT
from core.envoy import Envoy
from core.errors import BadSettingError, UserError
from core.events import Platform, ServerRef
from core.settings import AdmissionSettings
from tests.support.commanding import open_hall, spoken

ANN = Asker(Visitor("ann", "operator"), "en")


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as opened:
        await opened.sightings.saw(spoken("hello"))
        yield opened


@pytest.fixture
def desk(hall):
    admission = Admission(
        Admissions(hall.database),
        hall.sightings,
        Belonging(hall.sightings, {}),
        Envoy({}),
        AdmissionSettings(),
        hall.resources.moderation.audit,
    )
    return ChannelDesk(hall.resources, admission)


async def chosen(desk, seen, where="channel"):
    return {one.setting.key: one.value for one in await desk.settings(ANN, seen, where)}


async def change(desk, seen, where="channel", **wanted):
    return [outcome async for outcome in desk.change(ANN, seen, where, wanted)]


async def test_a_channel_is_found_by_what_pages_call_it(desk):
    (seen,) = await desk.channels()
    assert (seen.title, key_of(seen.channel)) == ("Fair / town", "discord:town")
    assert await desk.channel("discord:town") == seen
    assert await desk.channel("discord:other") is None


async def test_what_is_changed_holds_and_is_noted_and_the_rest_is_left_alone(hall, desk):
    (seen,) = await desk.channels()
    held = await chosen(desk, seen)
    assert set(held.values()) == {DEFAULT}
    (told,) = await change(desk, seen, **{**held, "language": "zh"})
    assert "Chinese" in told
    assert await chosen(desk, seen) == {**held, "language": "zh"}
    assert hall.channels.at(seen.channel).language == "zh"
    (entry, *_older) = await hall.resources.moderation.audit.of_channel(seen.channel)
    assert (entry.act, entry.author, entry.about) == (Act.SETTING, "ann", "language = zh")
    await change(desk, seen, language=DEFAULT)
    assert await chosen(desk, seen) == held


async def test_a_value_that_is_none_is_told_and_the_others_are_kept(desk):
    (seen,) = await desk.channels()
    wrong, told = await change(desk, seen, threshold="2.5", speaks="off")
    assert isinstance(wrong, BadSettingError)
    assert isinstance(told, str)
    unknown = await change(desk, seen, engine="gpt-9")
    assert isinstance(unknown[0], UserError)
    held = await chosen(desk, seen)
    assert (held["threshold"], held["speaks"], held["engine"]) == (DEFAULT, "off", DEFAULT)


async def test_what_is_chosen_for_a_server_is_no_choice_of_its_channels(desk):
    (seen,) = await desk.channels()
    await change(desk, seen, "server", passages="8")
    assert (await chosen(desk, seen, "server"))["passages"] == "8"
    assert (await chosen(desk, seen))["passages"] == DEFAULT


async def test_channels_are_offered_by_their_names(desk):
    (seen,) = await desk.channels()
    held = {one.setting.key: one for one in await desk.settings(ANN, seen, "channel")}
    assert ("town", "town") in held["log_channel"].choices
    assert held["persona"].choices == ()
    assert ("smollm2", "smollm2") in held["engine"].choices


async def test_who_waits_is_let_in_or_not_and_nobody_else_is_decided_on(hall, desk):
    fair = ServerRef(Platform.DISCORD, "9")
    await Admissions(hall.database).joined(fair, "Fair", None, None)
    assert [(one.name, own) for one, own in await desk.applicants()] == [("Fair", "pending")]
    assert await desk.decide(ANN, "discord:9", approve=True)
    assert [own for _one, own in await desk.applicants()] == ["admitted"]
    assert await desk.decide(ANN, "discord:9", approve=False)
    assert [own for _one, own in await desk.applicants()] == ["refused"]
    assert not await desk.decide(ANN, "discord:77", approve=True)
    assert not await desk.decide(ANN, "'; DROP", approve=True)
    assert len(await desk.applicants()) == 1


async def test_a_persona_is_tried_on_what_the_channel_knows(hall, desk):
    (seen,) = await desk.channels()
    assert await desk.bases_of(seen) == ()
    await hall.library.ensure_base("discord:town")
    assert await desk.bases_of(seen) == ("discord:town",)
