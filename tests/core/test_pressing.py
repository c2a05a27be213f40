from __future__ import annotations

import pytest

from core.commands import EVERY
from core.errors import ChannelGoneError, DeliveryRateLimitedError, ForbiddenError
from core.events import ActionPressed, Author, Invocation, Platform
from core.pacer import Pacer
from core.pressing import KINDS, Pressing, invocation_of
from core.replies import TextDelta
from tests.support.commanding import ADMIN, MEMBER, attachment, open_hall, spoken
from tests.support.recording_outbox import RecordingOutbox

TOWN = spoken("").conversation


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        yield hall


@pytest.mark.parametrize(
    ("action", "invocation"),
    [
        ("confirm:ab12", Invocation("confirm", {"token": "ab12"})),
        ("cancel:ab12", Invocation("confirm", {"token": "ab12", "answer": "cancel"})),
        ("review:ab:accept", Invocation("review verdict", {"upload": "ab", "verdict": "accept"})),
        ("set:speaks:off", Invocation("settings", {"name": "speaks", "value": "off"})),
        ("setup:speaks:off", Invocation("setup choice", {"name": "speaks", "value": "off"})),
        ("resume:channel", Invocation("pause", {"minutes": 0, "where": "channel"})),
        ("use:-100", Invocation("kb use", {"channel": "-100"})),
        ("set:speaks", None),
        ("set", None),
        ("stop", None),
        ("", None),
        ("drop:table", None),
    ],
)
def test_a_button_stands_for_a_command(action, invocation):
    assert invocation_of(action) == invocation
    if invocation is not None:
        assert action.partition(":")[0] in KINDS
        assert invocation.name in {command.name for command in EVERY}


async def test_a_refusal_is_for_the_one_who_pressed_alone(hall):
    assert await hall.press("set:speaks:off", MEMBER, text="menu") == "menu"
    (revealed,) = hall.outbox.revealed
    assert revealed.text == "Only admins of this channel may do that. Ask one of them."


@pytest.mark.parametrize("action", ["set:speaks:nowhere", "set:nothing:x", "review:x:accept"])
async def test_a_made_up_button_is_told_and_does_nothing(hall, action):
    assert await hall.press(action, ADMIN, text="menu") == "menu"
    assert len(hall.outbox.revealed) == 1


async def test_who_is_a_bot_presses_nothing(hall):
    bot = Author("ann", "Ann", is_bot=True, is_channel_admin=True)
    assert await hall.press("set:speaks:off", bot, text="menu") == "menu"
    assert hall.outbox.revealed == []
    assert hall.channels.at(TOWN.channel).speaks == "addressed"


async def test_a_platform_that_asks_to_wait_gets_the_outcome_later(hall):
    hall.outbox.refuse("edit", DeliveryRateLimitedError(TOWN, 0.01))
    assert "not at all" in await hall.press("set:speaks:off", ADMIN)


async def test_an_outcome_whose_message_is_gone_is_still_told(hall):
    asked = await hall.types("/kb add", ADMIN, attachments=(attachment("a.md"),))
    assert not asked.failed
    asked = await hall.types("/kb remove a.md", ADMIN)
    hall.outbox.refuse("edit", ChannelGoneError(TOWN))
    await hall.press(asked.buttons["Remove"], ADMIN)
    assert hall.outbox.revealed[-1].text.startswith("Removed `a.md` (1 passage).")
    assert await hall.documents() == []


async def test_a_refusal_of_a_press_that_was_not_acknowledged_comes_in_private(hall):
    await hall.press("set:speaks:off", MEMBER, acknowledged=False)
    told = [m for m in hall.outbox.messages.values() if m.channel != "town"]
    assert [(m.channel, m.text) for m in told] == [
        ("dm-ada", "Only admins of this channel may do that. Ask one of them.")
    ]


async def test_an_outcome_that_nobody_can_be_told_in_private_is_not_told_to_everybody(hall):
    await hall.types("/kb add", ADMIN, attachments=(attachment("a.md"),))
    asked = await hall.types("/kb remove a.md", ADMIN)
    hall.outbox.refuse("edit", ChannelGoneError(TOWN))
    hall.outbox.refuse("direct", ForbiddenError(TOWN))
    await hall.press(asked.buttons["Remove"], ADMIN, acknowledged=False)
    said = [message.text for message in hall.outbox.messages.values()]
    assert not any("a.md" in text for text in said)
    assert said[-1] == "I could not tell you in private what came of it. Please press again."
    assert await hall.documents() == []


async def test_in_a_private_chat_a_press_that_was_not_acknowledged_is_answered_there(hall):
    await hall.press("review:x:accept", ADMIN, channel="dm-ann", acknowledged=False)
    assert [m.channel for m in hall.outbox.messages.values()] == ["dm-ann", "dm-ann"]


async def test_of_a_long_outcome_the_end_is_shown_as_well():
    """As of an archive of many files that somebody accepts."""
    lines = [f"Added `{number:03}.md`: 3 passages, 0.1 s.\n" for number in range(300)]

    async def run(_message):
        for line in lines:
            yield TextDelta(line)
        yield TextDelta("Accepted by `Ann`.")

    outbox = RecordingOutbox()
    ours = await outbox.send(TOWN, "menu")
    pressing = Pressing(run, {Platform.DISCORD: outbox}, lambda _event: Pacer(0))
    await pressing.pressed(ActionPressed(TOWN, ours, "review:ab:accept", ADMIN))
    shown = outbox.messages[ours].text
    assert shown.startswith("Added `000.md`: 3 passages, 0.1 s.\nAdded `001.md`")
    assert shown.endswith("Added `299.md`: 3 passages, 0.1 s.\nAccepted by `Ann`.")
    assert "in the file" not in shown
    assert 1800 < len(shown) <= outbox.capabilities.max_text
