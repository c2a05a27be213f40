"""Who is served, decided at the shell."""

import base64

import pytest

from bot.admitting import DISCORD_PERMISSIONS, application_of, discord_link
from tests.support.shell import bot

TOKEN = base64.b64encode(b"123456789012345678").decode().rstrip("=") + ".abc.def"


def test_approved_and_refused_places_are_listed(tmp_path):
    assert bot(tmp_path, "admit", "discord:42").code == 0
    assert bot(tmp_path, "admit", "telegram:-1007", "--refuse").code == 0
    rows = {row["id"]: row["standing"] for row in bot(tmp_path, "admit", "--json").rows}
    assert rows == {"discord:42": "admitted", "telegram:-1007": "refused"}


def test_a_name_that_is_none_is_told(tmp_path):
    done = bot(tmp_path, "admit", "the library")
    assert done.code == 2
    assert "discord:123" in done.err


def test_the_invitation_asks_for_the_least_permissions(tmp_path):
    done = bot(tmp_path, "invite", LOREKEEPER__DISCORD__TOKEN=TOKEN)
    assert discord_link("123456789012345678") in done.out
    assert TOKEN not in done.out + done.err
    administrator, manage_guild = 1 << 3, 1 << 5
    assert not DISCORD_PERMISSIONS & (administrator | manage_guild)


@pytest.mark.parametrize("token", ["", "nonsense", "!!!.a.b", "YWJj.a.b"])
def test_what_is_no_token_names_no_application(token):
    assert application_of(token) is None
