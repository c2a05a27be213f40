"""What is asked, and what follows from where and how it is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.channel_settings import ChannelSettings
from core.events import InteractionRef, Platform
from core.helpers import Helpers
from core.inquiry import Inquiry
from tests.support.messages import group, private

HELPED = ChannelSettings(helpers=Helpers("42"))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (group("When?"), True),
        (replace(group("When?"), reply_to=InteractionRef(Platform.DISCORD, "k")), True),
        # The words of what only one is to see are not kept: helpers would read nothing.
        (replace(group("?"), reply_to=InteractionRef(Platform.DISCORD, "k", True)), False),
        (private("When?"), False),
    ],
)
def test_the_team_is_offered_where_it_would_be_told_the_question(message, expected):
    assert Inquiry(message, message.text, (), HELPED).asks_team is expected
    assert Inquiry(message, message.text, (), ChannelSettings()).asks_team is False
