"""Where requests go, and where files may come from."""

from __future__ import annotations

import pytest

from bot.adapters.discord.endpoint import OFFICIAL, is_loopback, may_fetch, pointed_at


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://cdn.discordapp.com/attachments/1/2/a.pdf?ex=3", True),
        ("https://media.discordapp.net/attachments/1/2/a.pdf", True),
        ("http://cdn.discordapp.com/attachments/1/2/a.pdf", False),
        ("https://cdn.discordapp.com.example.org/a.pdf", False),
        ("https://cdn.discordapp.com@example.org/a.pdf", False),
        ("https://cdn.discordapp.com:8443/a.pdf", False),
        ("http://127.0.0.1/a.pdf", False),
        ("file:///etc/passwd", False),
    ],
)
def test_files_come_from_discords_own_hosts(url, allowed):
    assert may_fetch(url, OFFICIAL) is allowed


def test_a_server_of_ones_own_keeps_its_files_where_it_likes():
    assert may_fetch("http://127.0.0.1:8000/a.pdf", "http://127.0.0.1:8000/api/v10")


def test_discords_own_address_touches_nothing():
    from discord.http import Route

    Route.BASE = kept = "https://discord.com/api/v10"
    with pointed_at(OFFICIAL):
        assert kept == Route.BASE


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("http://127.0.0.1:1/x", True),
        ("http://[::1]/x", True),
        ("http://localhost/x", True),
        ("https://discord.com/api", False),
        ("http://localhost.example.org", False),
    ],
)
def test_what_stays_on_this_machine_takes_no_proxy(url, is_local):
    assert is_loopback(url) is is_local
