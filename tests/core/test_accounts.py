from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from core.accounts import IDLE_SECONDS, LONGEST_SECONDS, Accounts, Configured, is_name
from core.database import Database
from core.migrations import MIGRATIONS


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as opened:
        yield opened


async def test_who_has_the_password_is_let_in_whatever_the_case_of_the_name(database):
    accounts = Accounts(database)
    assert await accounts.make("Änne 安", "viewer", "sesame sesame")
    for name in ("Änne 安", " änne 安 ", "ÄNNE 安"):
        found = await accounts.verified(name, "sesame sesame")
        assert found is not None
        assert (found.name, found.role) == ("Änne 安", "viewer")
    for name, password in (
        ("Änne 安", "sesame sesam"),
        ("Änne 安", ""),
        ("", "sesame sesame"),
        ("anne", "sesame sesame"),
        ("Änne 安", "\ud800"),
    ):
        assert await accounts.verified(name, password) is None


async def test_a_name_is_given_once(database):
    accounts = Accounts(database)
    assert await accounts.make("ann", "viewer", "sesame sesame")
    assert not await accounts.make("ANN", "operator", "another one")
    (only,) = await accounts.all()
    assert (only.name, only.role) == ("ann", "viewer")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", "sesame sesame"),
        ("a\nb", "sesame sesame"),
        ("x" * 65, "sesame sesame"),
        ("ann", "x" * 7),
    ],
)
async def test_what_is_no_name_or_too_short_a_password_is_not_taken(database, name, password):
    with pytest.raises(ValueError, match=r".*"):
        await Accounts(database).make(name, "viewer", password)
    assert not await Accounts(database).exist()


async def test_neither_passwords_nor_tokens_are_on_the_disk(database, tmp_path):
    accounts = Accounts(database)
    await accounts.make("ann", "operator", "sesame-sesame")
    token = await accounts.begin("ann")
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"ann" in written
    assert b"sesame-sesame" not in written
    assert token.encode() not in written


async def test_a_session_lasts_while_it_is_used_and_not_for_ever(database, clock):
    accounts = Accounts(database, clock=clock)
    await accounts.make("ann", "operator", "sesame sesame")
    token = await accounts.begin("ann")
    begun = clock.now
    while clock.now - begun < LONGEST_SECONDS - IDLE_SECONDS:
        clock.now += IDLE_SECONDS - 1
        assert await accounts.session(token) is not None
    clock.now = begun + LONGEST_SECONDS
    assert await accounts.session(token) is None


async def test_a_session_that_nobody_uses_ends(database, clock):
    accounts = Accounts(database, clock=clock)
    await accounts.make("ann", "operator", "sesame sesame")
    token = await accounts.begin("ann")
    clock.now += IDLE_SECONDS
    assert await accounts.session(token) is None


async def test_logging_out_ends_that_session_alone(database):
    accounts = Accounts(database)
    await accounts.make("ann", "operator", "sesame sesame")
    one, other = await accounts.begin("ann"), await accounts.begin("ann")
    await accounts.end(one)
    assert await accounts.session(one) is None
    assert await accounts.session(other) is not None
    assert await accounts.session("") is None
    assert await accounts.session("\ud800") is None


async def test_another_password_and_removal_end_every_session(database):
    accounts = Accounts(database)
    await accounts.make("ann", "operator", "sesame sesame")
    token = await accounts.begin("ann")
    assert await accounts.change_password("ann", "open barley")
    assert await accounts.session(token) is None
    assert await accounts.verified("ann", "sesame sesame") is None
    token = await accounts.begin("ann")
    assert await accounts.remove("ann")
    assert await accounts.session(token) is None
    # Nor does a new account of the same name go on with it.
    await accounts.make("ann", "viewer", "sesame sesame")
    assert await accounts.session(token) is None
    assert not await accounts.remove("nobody")
    assert not await accounts.change_password("nobody", "sesame sesame")


async def test_the_configured_account_is_an_operator_until_the_next_start(database):
    own = Configured("boss", "in the file")
    accounts = Accounts(database, own)
    assert await accounts.exist()
    found = await accounts.verified("Boss", "in the file")
    assert found is not None
    assert (found.name, found.role) == ("boss", "operator")
    assert await accounts.verified("boss", "in the fil") is None
    token = await accounts.begin("boss")
    assert await accounts.session(token) == found
    assert await Accounts(database).session(token) is None
    await accounts.start()
    assert await accounts.session(token) is None
    assert "in the file" not in repr(own)


async def test_an_account_that_is_made_again_under_its_name_is_somebody_else(database):
    accounts = Accounts(database)
    await accounts.make("Ann", "operator", "sesame sesame")
    first = await accounts.verified("ann", "sesame sesame")
    await accounts.change_password("ann", "open barley")
    same = await accounts.verified("ann", "open barley")
    await accounts.remove("ann")
    await accounts.make("ann", "viewer", "sesame sesame")
    other = await accounts.session(await accounts.begin("ann"))
    assert first is not None
    assert same is not None
    assert other is not None
    assert first.author_id == same.author_id
    assert other.author_id not in (first.author_id, "ann", "Ann", "")


async def test_an_account_of_an_earlier_program_keeps_what_was_said_under_its_name(tmp_path):
    path = tmp_path / "old.db"
    before = [one for one in MIGRATIONS if one.number < 16]
    async with Database.open(path, migrations=before) as old, old.transaction() as connection:
        await connection.execute(
            "INSERT INTO console_accounts VALUES ('ann', 'Ann', 'viewer', x'00', x'00', 1)"
        )
    async with Database.open(path) as database:
        (found,) = await Accounts(database).all()
    assert found.author_id == "Ann"


def test_names_can_be_shown():
    assert is_name("安")
    assert not is_name("   ")
    assert not is_name("a\u202eb")


async def test_a_session_lasts_also_while_nothing_can_be_written(tmp_path, clock):
    path = tmp_path / "lorekeeper.db"
    async with Database.open(path, busy_seconds=0.05) as database:
        accounts = Accounts(database, clock=clock)
        await accounts.make("ann", "operator", "sesame sesame")
        token = await accounts.begin("ann")
        clock.now += 120
        with closing(sqlite3.connect(path, isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE")
            found = await accounts.session(token)
        assert found is not None
        assert found.name == "ann"
        clock.now += IDLE_SECONDS - 60
        assert await accounts.session(token) is None
