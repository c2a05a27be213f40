from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.database import Database
from core.keys import Keys, Wanted
from knowledge_base.models import BaseId

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as opened:
        yield opened


async def test_a_token_stands_for_what_it_was_made_for(database):
    keys = Keys(database, clock=Clock())
    expires = NOW + timedelta(days=3)
    bases = frozenset({BaseId(2), BaseId(7)})
    made, token = await keys.make(Wanted("wiki 维基", bases, True, 9, expires))
    assert await keys.valid(token) == made
    assert (made.label, made.bases, made.plain, made.rate) == ("wiki 维基", bases, True, 9)
    assert (made.made_at, made.expires_at, made.revoked_at) == (NOW, expires, None)
    assert await keys.all() == (made,)


async def test_nothing_of_a_secret_is_on_the_disk(database, tmp_path):
    made, token = await Keys(database).make(Wanted("", frozenset({BaseId(1)})))
    secret = token.removeprefix(f"lk-{made.key_id}-")
    assert len(secret) == 43
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert made.key_id.encode() in written
    assert secret.encode() not in written


async def test_no_other_token_is_taken_for_it(database):
    keys = Keys(database)
    one, token = await keys.make(Wanted("", frozenset({BaseId(1)})))
    two, other = await keys.make(Wanted("", frozenset({BaseId(2)})))
    secret = token.removeprefix(f"lk-{one.key_id}-")
    for wrong in (
        "", "lk-", token[:-1], token + "=", f" {token}", token.upper(), f"{token}\n",
        f"lk-{two.key_id}-{secret}", f"lk-{one.key_id}-{'A' * 43}", f"lk-{'0' * 12}-{secret}",
        f"lk-{one.key_id}-{'é' * 43}", "\ud800", f"lk-{one.key_id}'--{secret}",
    ):  # fmt: skip
        assert await keys.valid(wrong) is None
    assert (await keys.valid(other)) == two


async def test_a_key_ends_when_it_is_revoked_and_stays_in_the_list(database):
    clock = Clock()
    keys = Keys(database, clock=clock)
    made, token = await keys.make(Wanted("", frozenset({BaseId(1)})))
    revoked = await keys.revoke(made.key_id)
    assert revoked is not None
    assert revoked.revoked_at == NOW
    assert await keys.valid(token) is None
    assert await keys.revoke(made.key_id) is None
    assert await keys.revoke("nothing") is None
    assert await keys.all() == (revoked,)


async def test_a_key_ends_on_its_day(database):
    clock = Clock()
    keys = Keys(database, clock=clock)
    expires = NOW + timedelta(seconds=10)
    _made, token = await keys.make(Wanted("", frozenset({BaseId(1)}), expires_at=expires))
    clock.now += 9
    assert await keys.valid(token) is not None
    clock.now += 1
    assert await keys.valid(token) is None


async def test_a_key_for_nothing_is_not_made(database):
    with pytest.raises(ValueError, match="Wanted"):
        await Keys(database).make(Wanted("", frozenset()))
