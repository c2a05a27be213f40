from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest

from core.admission import Admission
from core.admission_rows import Admissions, written
from core.audit import Audit
from core.belonging import Belonging
from core.database import Database
from core.dispatcher import Dispatcher
from core.envoy import Envoy
from core.errors import ForbiddenError
from core.events import (
    ActionPressed,
    Attachment,
    Author,
    ChannelRef,
    ConversationRef,
    InteractionRef,
    Invocation,
    Joined,
    Left,
    MemberRef,
    Platform,
    ServerRef,
    Trigger,
)
from core.gate import Gate
from core.hooks import Hooks
from core.language import words
from core.moves import move_channel
from core.noticeboard import Noticeboards
from core.permissions import Listed, Rules
from core.replies import Finished, TextDelta
from core.settings import AdmissionSettings, DispatcherSettings
from tests.support.messages import NOON, author, conversation
from tests.support.places import Places, Town, as_admin, open_places, said, whispered
from tests.support.shelf import Shelf

OWNER = MemberRef(Platform.DISCORD, "owner")
S1 = ServerRef(Platform.DISCORD, "s1")
WAITS = "Whoever runs me has to approve this place first. Until then I read and keep nothing here."


@dataclass
class Door:
    """Admission and gate over one database; a platform that remembers what was said."""

    database: Database
    town: Town
    places: Places
    settings: AdmissionSettings
    connected: bool = True

    def __post_init__(self) -> None:
        outboxes = {Platform.DISCORD: self.town} if self.connected else {}
        owners = frozenset({OWNER})
        envoy = Envoy(outboxes, owners)
        self.welcomed: list[Joined] = []
        self.audit = Audit(
            self.database,
            Noticeboards(self.places.channels, outboxes),
            envoy,
            lambda asked: words(asked.locale),
        )
        self.admission = Admission(
            Admissions(self.database),
            self.places.sightings,
            Belonging(self.places.sightings, outboxes),
            envoy,
            self.settings,
            self.audit,
        )
        self.admission.greets_with(self._welcome)
        self.gate = Gate(
            self.admission, self.places.channels, self.places.sightings, Rules(owners), envoy
        )

    async def _welcome(self, event: Joined, opening: str) -> None:
        self.welcomed.append(event)
        if event.conversation is not None:
            await self.town.send(event.conversation, opening)

    def said_in(self, channel: str) -> list[str]:
        return [m.text for m in self.town.messages.values() if m.channel == channel]

    async def stored(self) -> int:
        """Rows of what members did, in all tables that know members or channels."""
        tables = ("channels", "channel_members", "greetings", "exchanges", "inbox")
        async with self.database.reader() as connection:
            found = [await connection.execute_fetchall(f"SELECT * FROM {t}") for t in tables]
        return sum(len(list(rows)) for rows in found)


@pytest.fixture
async def door(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        town = Town()
        places = open_places(database, Shelf(), {Platform.DISCORD: town})

        def make(connected: bool = True, **settings) -> Door:
            return Door(database, town, places, AdmissionSettings(**settings), connected)

        yield make


def press(action: str, user: str = "owner", message_id: str = "m2") -> ActionPressed:
    return ActionPressed(
        conversation("dm-owner"),
        message_id,
        action,
        author(user),
        interaction=InteractionRef(Platform.DISCORD, "press"),
    )


async def test_a_place_that_nobody_approved_gets_one_message_and_nothing_else(door):
    one = door()
    for number in range(3):
        assert not await one.gate.admits(replace(said("town"), message_id=str(number)))
    assert one.said_in("town") == [WAITS]
    assert await one.stored() == 0
    assert not await one.gate.admits(said("other"))
    assert one.said_in("other") == []


async def test_of_a_place_that_waits_the_dispatcher_reads_and_stores_nothing(door):
    one = door()
    answered = []

    async def reply(message, stop):
        answered.append(message.text)
        yield TextDelta("Nine.")
        yield Finished("stop")

    hooks = Hooks(admits=one.gate.admits, ambient=one.gate.taught)
    dispatcher = Dispatcher(
        reply, {Platform.DISCORD: one.town}, one.database, DispatcherSettings(), hooks=hooks
    )
    old = replace(said("town"), message_id="old", sent_at=NOON)
    for message in (said("town"), old, replace(said("town"), trigger=Trigger.AMBIENT)):
        dispatcher.submit(message)
    await one.admission.approve(ServerRef(Platform.DISCORD, "s2"), "owner")
    dispatcher.submit(said("town2", server="s2"))
    async with asyncio.timeout(20):
        while not (one.said_in("town2") and one.said_in("town")):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await dispatcher.drain(20)
    assert answered == ["?"]
    assert one.said_in("town") == [WAITS]
    assert one.town.calls.count("typing") <= 1
    async with one.database.reader() as connection:
        rows = await connection.execute_fetchall("SELECT channel_id FROM inbox")
    assert list(rows) == [("town2",)]


async def test_the_owner_is_asked_once_and_approves_by_a_button(door):
    one = door()
    await one.gate.admits(said("town"))
    await one.gate.admits(said("town"))
    (card,) = one.said_in("dm-owner")
    assert card == "`town` (discord:s1) would like to be served. Shall I?"
    await one.admission.pressed(press("admit:discord:s1:yes"))
    assert one.said_in("dm-owner") == ["`town` (discord:s1) is approved."]
    assert one.said_in("town")[1].startswith("I was approved.")
    assert await one.gate.admits(said("town"))
    assert not await one.gate.admits(said("town", server="s2"))
    assert await door().gate.admits(said("town")), "also after a restart"


async def test_a_press_of_somebody_else_admits_nobody(door):
    one = door()
    await one.gate.admits(said("town"))
    for action in ("admit:discord:s1:yes", "admit:discord:@eve:yes"):
        await one.admission.pressed(press(action, "eve"))
    assert not await one.gate.admits(said("town"))
    assert [own.text for own in one.town.revealed] == [
        "Only owners of this bot may do that. Ask one of them."
    ] * 2


@pytest.mark.parametrize(
    "action",
    ["admit:", "admit:discord:s1", "admit:irc:s1:yes", "admit:discord:s1:maybe", "admit:x:y:z:yes"],
)
async def test_an_action_that_nobody_made_is_ignored(door, action):
    one = door()
    await one.admission.pressed(press(action))
    assert await one.admission.applicants() == ()


async def test_a_place_that_was_refused_is_left_in_silence(door):
    one = door()
    await one.gate.admits(said("town"))
    await one.admission.pressed(press("admit:discord:s1:no"))
    assert one.town.left == ["s1"]
    assert not await one.gate.admits(said("town"))
    assert one.said_in("town") == [WAITS]
    assert one.town.left == ["s1", "s1"], "it was added again"


async def test_what_the_shell_decides_holds_in_a_running_bot(door):
    running, shell = door(), door(connected=False)
    assert not await running.gate.admits(said("town"))
    await shell.admission.approve(S1, "shell")
    assert await running.gate.admits(said("town"))
    await shell.admission.refuse(S1, "shell")
    assert not await running.gate.admits(said("town"))
    assert [written(own.subject) for own in await shell.admission.applicants()] == ["discord:s1"]


async def test_a_listed_place_is_served_and_no_other_by_the_policy_list(door):
    one = door(policy="list", servers=("discord:s1",))
    assert await one.gate.admits(said("town"))
    assert not await one.gate.admits(said("town", server="s2"))
    await one.admission.approve(ServerRef(Platform.DISCORD, "s2"), "owner")
    assert not await one.gate.admits(said("town", server="s2"))
    assert one.said_in("dm-owner") == []


async def test_open_serves_everybody_who_was_not_refused(door):
    one = door(policy="open", direct_messages="open")
    assert await one.gate.admits(said("town"))
    assert await one.gate.admits(whispered("stranger"))
    await one.admission.refuse(S1, "owner")
    assert not await one.gate.admits(said("town"))


async def test_being_added_asks_the_owner_and_being_added_by_the_owner_does_not(door):
    one = door()
    hello = Joined(Platform.DISCORD, "s1", "Town", author("eve"), conversation("town"))
    await one.admission.membership(hello)
    assert one.said_in("town") == [WAITS]
    assert one.welcomed == []
    mine = replace(hello, server_id="s2", by=author("owner"))
    await one.admission.membership(mine)
    assert one.welcomed == [mine]
    assert await one.gate.admits(said("town", server="s2"))
    assert len(one.said_in("dm-owner")) == 1


async def test_where_it_is_served_it_says_first_what_it_is_and_how_to_begin(door):
    one = door(policy="open")
    one.admission._welcome = None
    hello = Joined(Platform.DISCORD, "s1", "Town", None, conversation("town"))
    await one.admission.membership(hello)
    await one.admission.membership(replace(hello, locale="zh-CN"))
    english, chinese = one.said_in("town")
    assert english.startswith("I am a program that answers questions")
    assert chinese.startswith("我是一个程序")
    assert "`/setup`" in chinese


async def test_leaving_is_noted_and_an_approval_outlives_it(door):
    one = door()
    await one.admission.approve(S1, "owner")
    await one.admission.membership(Left(Platform.DISCORD, "s1"))
    (left,) = await one.admission.applicants()
    assert left.left_at is not None
    back = Joined(Platform.DISCORD, "s1", "Town", author("eve"), conversation("town"))
    await one.admission.membership(back)
    (here,) = await one.admission.applicants()
    assert here.left_at is None
    assert one.welcomed == [back]


async def test_a_group_that_moved_is_not_one_that_was_left(door):
    """Telegram says that we left the old id and joined the new one before it tells of the move."""
    one = door()
    old, new = ChannelRef(Platform.TELEGRAM, "-1"), ChannelRef(Platform.TELEGRAM, "-1001")
    await one.admission.approve(ServerRef(Platform.TELEGRAM, "-1"), "owner")
    await one.admission.membership(Left(Platform.TELEGRAM, "-1"))
    await one.admission.membership(Joined(Platform.TELEGRAM, "-1001", "Fair"))
    async with one.database.transaction() as connection:
        await move_channel(connection, old, new)
    (row,) = await one.admission.applicants()
    assert row.subject == ServerRef(Platform.TELEGRAM, "-1001")
    assert (row.verdict, row.left_at) == ("admitted", None)


async def test_who_is_shut_out_is_told_so_where_a_command_waits_and_ignored_elsewhere(door):
    one = door(policy="open")
    one.gate = Gate(
        one.admission,
        one.places.channels,
        one.places.sightings,
        Rules(blocked=Listed(members=frozenset({MemberRef(Platform.DISCORD, "troll")}))),
        Envoy({Platform.DISCORD: one.town}),
    )
    spoken = said("town", user="troll")
    assert not await one.gate.admits(spoken)
    assert (one.said_in("town"), one.town.revealed) == ([], [])
    waits = replace(spoken, reply_to=InteractionRef(Platform.DISCORD, "command"))
    assert not await one.gate.admits(waits)
    assert [shown.text for shown in one.town.revealed] == ["I do not answer you here."]
    assert await one.stored() == 0


async def test_a_name_in_a_card_can_do_nothing(door):
    one = door()
    name = "@everyone [x](https://evil.test) `"
    await one.admission.membership(Joined(Platform.DISCORD, "s1", name, None, None))
    (card,) = one.said_in("dm-owner")
    assert card.startswith("`@everyone [x](https://evil.test) ˋ` (discord:s1)")


async def test_an_owner_who_cannot_be_written_to_stops_nothing(door, caplog):
    one = door()
    one.town.refuse("direct", ForbiddenError(conversation("dm-owner")))
    assert not await one.gate.admits(said("town"))
    assert "python -m bot admit" in caplog.text


async def test_a_stranger_in_private_gets_one_message(door):
    one = door()
    for _ in range(3):
        assert not await one.gate.admits(whispered("stranger"))
    assert one.said_in("dm-stranger") == [
        "I answer private messages only of people from the servers and groups that I serve."
    ]
    assert one.said_in("dm-owner") == []
    assert await one.stored() == 0


async def test_members_of_a_place_that_is_served_may_write_in_private(door):
    one = door()
    await one.admission.approve(S1, "owner")
    assert await one.gate.admits(said("town", user="eve"))
    one.town.readers = {"town": {"ada", "eve"}}
    assert await one.gate.admits(whispered("ada")), "the platform says so, though never seen"
    assert await one.gate.admits(whispered("eve"))
    await one.admission.refuse(S1, "owner")
    again = door()
    assert not await again.gate.admits(whispered("eve"))


async def test_a_former_member_is_a_stranger(door):
    one = door()
    await one.admission.approve(S1, "owner")
    await one.gate.admits(said("town", user="eve"))
    one.town.readers = {"town": {"ada"}}
    assert not await one.gate.admits(whispered("eve"))
    one.town.silent = {"town"}
    assert await door().gate.admits(whispered("eve")), "seen, and the platform cannot say"


async def test_owners_approve_strangers_where_that_is_the_policy(door):
    one = door(direct_messages="owner")
    assert not await one.gate.admits(whispered("eve"))
    assert one.said_in("dm-owner") == ["`Eve` (discord:@eve) would like to be served. Shall I?"]
    await one.admission.pressed(press("admit:discord:@eve:yes"))
    assert await one.gate.admits(whispered("eve"))
    assert await one.gate.admits(whispered("owner"))


async def test_a_button_fits_into_forty_letters_for_the_longest_ids(door):
    one = door(direct_messages="owner")
    sent = []

    async def send(to, text, **rest):
        sent.extend(rest.get("menus", ()))
        return "m"

    one.town.send = send
    await one.gate.admits(whispered("1" * 19))
    actions = [button.action for menu in sent for button in menu.buttons]
    assert len(actions) == 2
    assert all(len(action) <= 40 and action.isascii() for action in actions)


async def test_a_command_that_waits_is_told_in_private_each_time(door):
    one = door()
    slash = replace(
        said("town"), reply_to=InteractionRef(Platform.DISCORD, "i1"), command=Invocation("help")
    )
    for _ in range(2):
        assert not await one.gate.admits(slash)
    assert [own.text for own in one.town.revealed] == [WAITS, WAITS]
    assert one.said_in("town") == []


async def test_a_paused_channel_hears_moderators_commands_alone(door):
    one = door(policy="open")
    await one.places.channels.pause(said("town").conversation.channel, 10)
    assert not await one.gate.admits(said("town"))
    assert not await one.gate.admits(replace(said("town"), command=Invocation("help")))
    assert not await one.gate.admits(as_admin(said("town")))
    assert await one.gate.admits(as_admin(replace(said("town"), text="/pause 0")))
    assert await one.gate.admits(said("other"))
    slash = replace(
        said("town"), command=Invocation("ask"), reply_to=InteractionRef(Platform.DISCORD, "i1")
    )
    assert not await one.gate.admits(slash)
    assert [own.text for own in one.town.revealed] == ["I am paused here."]


async def test_where_it_is_not_to_speak_it_does_not(door):
    one = door(policy="open")
    await one.places.channels.change(said("town").conversation.channel, "speaks", "off")
    assert not await one.gate.admits(said("town"))
    assert await one.gate.admits(as_admin(replace(said("town"), command=Invocation("settings"))))


async def test_what_is_admitted_counts_as_seen(door):
    one = door(policy="open")
    await one.gate.admits(said("town", user="eve"))
    seen = await one.places.sightings.channels_of(MemberRef(Platform.DISCORD, "eve"))
    assert [own.name for own in seen] == ["town"]


async def test_files_that_nobody_addressed_are_learnt_only_where_that_was_chosen(door):
    async def save(path, limit) -> None:
        return None

    one = door(policy="open")
    posted = replace(
        as_admin(said("town")),
        trigger=Trigger.AMBIENT,
        text="look at this",
        attachments=(Attachment("f1", "a.txt", "text/plain", 3, save),),
    )
    assert one.gate.taught(posted) is None
    await one.places.channels.change(posted.conversation.channel, "auto_ingest", "yes")
    meant = one.gate.taught(posted)
    assert meant is not None
    assert (meant.command, meant.text) == (Invocation("kb add"), "")
    assert one.gate.taught(replace(posted, author=Author("eve", "Eve"))) is None
    assert one.gate.taught(replace(posted, attachments=())) is None


def test_a_place_is_written_as_it_is_configured():
    assert written(S1) == "discord:s1"
    assert written(MemberRef(Platform.TELEGRAM, "7")) == "telegram:@7"
    assert ConversationRef(said("town").conversation.channel).thread_id is None


HELLO = Joined(Platform.DISCORD, "s1", "Town", None, conversation("town"), contact="eve")


async def test_who_is_to_be_told_how_to_begin_is_remembered_until_the_approval(door):
    one = door()
    await one.admission.membership(HELLO)
    await one.admission.pressed(press("admit:discord:s1:yes"))
    (welcomed,) = one.welcomed
    assert (welcomed.contact, welcomed.conversation) == ("eve", conversation("town"))
    assert one.said_in("town") == [WAITS, "I was approved."]


async def test_a_decision_of_the_shell_is_followed_once(door):
    running, shell = door(), door(connected=False)
    await running.admission.membership(HELLO)
    await shell.admission.approve(S1, "shell")
    assert running.said_in("dm-owner") == ["`Town` (discord:s1) would like to be served. Shall I?"]
    for _ in range(2):
        await running.admission.follow()
    assert running.said_in("dm-owner") == ["`Town` (discord:s1) is approved."]
    (card,) = [m for m in running.town.messages.values() if m.channel == "dm-owner"]
    assert card.menus == ()
    assert running.said_in("town") == [WAITS, "I was approved."]


async def test_a_place_that_the_shell_refused_is_left(door):
    running, shell = door(), door(connected=False)
    await running.admission.membership(HELLO)
    await shell.admission.refuse(S1, "shell")
    for _ in range(2):
        await running.admission.follow()
    assert running.said_in("dm-owner") == ["`Town` (discord:s1) is refused."]
    assert running.town.left == ["s1"]


async def test_a_card_that_is_pressed_after_the_shell_decided_changes_nothing(door):
    running, shell = door(), door(connected=False)
    await running.admission.membership(HELLO)
    await shell.admission.approve(S1, "shell")
    await running.admission.pressed(press("admit:discord:s1:no"))
    assert (await running.admission.applicants())[0].verdict == "admitted"
    (told,) = running.town.revealed
    assert told.text == "This was decided already. `Town` (discord:s1) is approved."
    assert running.said_in("dm-owner") == [told.text]


async def test_an_owner_who_was_out_of_reach_is_asked_at_the_next_contact(door):
    one = door()
    one.town.refuse("direct", ForbiddenError(conversation("dm-owner")))
    await one.admission.membership(HELLO)
    assert [own.name for own in await one.admission.unasked()] == ["Town"]
    for _ in range(2):
        assert await one.gate.admits(whispered("owner"))
    assert one.said_in("dm-owner") == ["`Town` (discord:s1) would like to be served. Shall I?"]
    assert await one.admission.unasked() == ()
    await one.admission.pressed(press("admit:discord:s1:yes"))
    assert await one.gate.admits(said("town"))


async def test_what_was_decided_is_kept_with_who_decided(door):
    one = door()
    await one.admission.membership(HELLO)
    await one.admission.pressed(press("admit:discord:s1:yes"))
    await one.admission.refuse(S1, "shell")
    async with one.database.reader() as connection:
        rows = await connection.execute_fetchall(
            "SELECT act, author_id, about, server_id FROM audit ORDER BY audit_id"
        )
    assert [tuple(row) for row in rows] == [
        ("admitted", "owner", "Town (discord:s1)", "s1"),
        ("refused", "shell", "Town (discord:s1)", "s1"),
    ]
