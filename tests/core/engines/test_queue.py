"""The fair queue: limits, turns, places, estimates; and a model that it is held against."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.engines.queue import Asker, FairQueue, Lane, Load, QueueLimits, Ticket
from core.errors import EngineUnavailableError, QueueFullError
from core.events import ChannelRef, Platform
from core.replies import Queued

TOWN = ChannelRef(Platform.DISCORD, "town")
HARBOUR = ChannelRef(Platform.DISCORD, "harbour")


def ask(queue: FairQueue, who: str, channel: ChannelRef = TOWN, lane: Lane = Lane.PEOPLE) -> Ticket:
    return queue.ticket(Asker(channel, who, lane))


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_free_slot_is_given_at_once_without_a_place_in_the_queue():
    queue = FairQueue("e", slots=1)
    ticket = ask(queue, "ann")
    assert [place async for place in ticket.wait()] == []
    assert queue.load == Load(slots=1, busy=1, waiting=0, waiting_in_background=0)
    ticket.release()
    assert queue.load.busy == 0


def test_members_take_turns_and_each_members_own_stay_in_order():
    queue = FairQueue("e", slots=1)
    running = ask(queue, "zoe")
    names = ["ann 1", "ann 2", "bob 1", "cid 1", "bob 2"]
    tickets = {name: ask(queue, name.split()[0]) for name in names}
    served = []
    while tickets:
        running.release()
        (name,) = [name for name, ticket in tickets.items() if ticket.granted]
        served.append(name)
        running = tickets.pop(name)
    assert served == ["ann 1", "bob 1", "cid 1", "ann 2", "bob 2"]


def test_the_same_member_in_two_channels_has_one_turn():
    queue = FairQueue("e", slots=1)
    running = ask(queue, "zoe")
    first, second = ask(queue, "ann", TOWN), ask(queue, "ann", HARBOUR)
    other = ask(queue, "bob", TOWN)
    running.release()
    first.release()
    assert (other.granted, second.granted) == (True, False)


def test_the_same_number_on_two_platforms_is_two_members():
    queue = FairQueue("e", slots=1, limits=QueueLimits(per_member=1))
    ask(queue, "1")
    ask(queue, "1", ChannelRef(Platform.DISCORD, "town"))
    ask(queue, "1", ChannelRef(Platform.TELEGRAM, "town"))
    assert queue.load.waiting == 2


@pytest.mark.parametrize(
    ("limits", "waiting", "asker", "key", "limit"),
    [
        (QueueLimits(per_member=2), [("ann", TOWN)] * 2, ("ann", HARBOUR), "_per_member", 2),
        (
            QueueLimits(per_channel=2),
            [("ann", TOWN), ("bob", TOWN)],
            ("cid", TOWN),
            "_per_channel",
            2,
        ),
        (
            QueueLimits(waiting=3),
            [("ann", TOWN), ("bob", HARBOUR), ("ann", HARBOUR)],
            ("cid", TOWN),
            "",
            3,
        ),
        (QueueLimits(waiting=0), [], ("cid", TOWN), "", 0),
    ],
)
def test_a_full_queue_says_which_limit_was_reached(limits, waiting, asker, key, limit):
    queue = FairQueue("e", slots=1, limits=limits)
    running = ask(queue, "zoe", ChannelRef(Platform.WEB, "console"))
    tickets = [ask(queue, who, where) for who, where in waiting]
    with pytest.raises(QueueFullError) as caught:
        ask(queue, *asker)
    assert (caught.value.key, caught.value.limit) == (f"engine.max_waiting{key}", limit)
    assert caught.value.waiting == limit
    for ticket in tickets:
        ticket.release()
    running.release()
    assert ask(queue, *asker).granted


async def test_whoever_waits_sees_every_new_place_and_the_newest_one_only():
    queue = FairQueue("e", slots=1)
    running, first, second = ask(queue, "zoe"), ask(queue, "ann"), ask(queue, "bob")
    last = ask(queue, "cid")
    async with aclosing(last.wait()) as places:
        assert await anext(places) == Queued(3, None)
        second.release()
        assert await anext(places) == Queued(2, None)
        running.release()
        assert (await anext(places)).position == 1
        first.release()
        with pytest.raises(StopAsyncIteration):
            await anext(places)
    assert last.granted


async def test_one_who_waits_behind_people_may_fall_back_when_another_joins_the_round():
    queue = FairQueue("e", slots=1)
    ask(queue, "zoe")
    ask(queue, "ann")
    second_of_ann = ask(queue, "ann")
    async with aclosing(second_of_ann.wait()) as places:
        assert (await anext(places)).position == 2
        ask(queue, "bob")
        assert (await anext(places)).position == 3


async def test_who_is_cancelled_while_waiting_leaves_the_queue():
    queue = FairQueue("e", slots=1)
    running, ticket = ask(queue, "zoe"), ask(queue, "ann")

    async def stand_in_line() -> None:
        try:
            async for _ in ticket.wait():
                pass
        finally:
            ticket.release()

    task = asyncio.create_task(stand_in_line())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert queue.load.waiting == 0
    running.release()
    assert queue.load.busy == 0


def test_a_slot_granted_to_one_who_is_leaving_goes_to_the_next():
    queue = FairQueue("e", slots=1)
    running, leaving, following = ask(queue, "zoe"), ask(queue, "ann"), ask(queue, "bob")
    running.release()
    assert leaving.granted
    leaving.release()
    assert following.granted


def test_giving_back_twice_gives_back_once():
    queue = FairQueue("e", slots=1)
    first, second = ask(queue, "ann"), ask(queue, "bob")
    first.release()
    first.release()
    assert (second.granted, queue.load.busy) == (True, 1)


def test_background_work_waits_until_no_person_does():
    queue = FairQueue("e", slots=1)
    running = ask(queue, "zoe")
    summary = ask(queue, "zoe", lane=Lane.BACKGROUND)
    ann = ask(queue, "ann")
    running.release()
    assert (ann.granted, summary.granted) == (True, False)
    ann.release()
    assert summary.granted


def test_background_work_leaves_one_slot_to_people():
    queue = FairQueue("e", slots=3)
    background = [ask(queue, "zoe", lane=Lane.BACKGROUND) for _ in range(4)]
    assert [ticket.granted for ticket in background] == [True, True, False, False]
    assert ask(queue, "ann").granted


def test_nothing_is_estimated_before_something_was_measured():
    queue = FairQueue("e", slots=1)
    ask(queue, "ann")
    assert queue.estimate(1) is None


def test_the_estimate_follows_from_what_requests_took_and_how_long_the_running_ones_run():
    clock = Clock()
    queue = FairQueue("e", slots=2, clock=clock)
    first, second = ask(queue, "ann"), ask(queue, "bob")
    clock.now += 10
    first.release()
    second.release()
    ask(queue, "ann")
    clock.now += 4
    ask(queue, "bob")
    ask(queue, "cid")
    clock.now += 1
    # One slot is free in 10 - 5 = 5 seconds, the other in 10 - 1 = 9; each request takes 10.
    assert [queue.estimate(position) for position in (1, 2, 3, 4)] == [5, 9, 15, 19]


def test_the_measure_moves_with_what_requests_take():
    clock = Clock()
    queue = FairQueue("e", slots=1, clock=clock)
    for seconds in (10, 20):
        ticket = ask(queue, "ann")
        clock.now += seconds
        ticket.release()
    ask(queue, "ann")
    assert queue.estimate(1) == pytest.approx(12)


async def test_closing_turns_away_who_waits_and_who_comes():
    queue = FairQueue("e", slots=1)
    running, waiting = ask(queue, "ann"), ask(queue, "bob")
    queue.close()
    with pytest.raises(EngineUnavailableError):
        [place async for place in waiting.wait()]
    with pytest.raises(EngineUnavailableError):
        ask(queue, "cid")
    assert queue.load.busy == 1
    running.release()
    waiting.release()
    assert queue.load == Load(slots=1, busy=0, waiting=0, waiting_in_background=0)


def test_a_queue_without_slots_is_a_mistake():
    with pytest.raises(ValueError, match="0"):
        FairQueue("e", slots=0)


@dataclass
class Waiting:
    """A request as the model sees it."""

    ticket: Ticket
    asker: Asker
    ahead: int
    """How many requests of the same member were ahead of it."""
    overtaken: Counter = field(default_factory=Counter)
    """How often each other member of its lane was served while it waited."""


class FairQueueModel(RuleBasedStateMachine):
    """Lists in plain order against the queue: the same order, the same limits, whatever happens."""

    slots = 2
    limits = QueueLimits(waiting=6, per_member=2, per_channel=4)

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue = FairQueue("e", self.slots, self.limits, self.clock)
        self.waiting: dict[Lane, list[Waiting]] = {lane: [] for lane in Lane}
        self.rounds: dict[Lane, list[str]] = {lane: [] for lane in Lane}
        self.held: dict[Lane, list[Waiting]] = {lane: [] for lane in Lane}

    def order(self, lane: Lane) -> list[Waiting]:
        """Who comes next, by going round the members again and again."""
        left = {
            member: [one for one in self.waiting[lane] if one.asker.user_id == member]
            for member in self.rounds[lane]
        }
        order = []
        while any(left.values()):
            order += [own.pop(0) for own in left.values() if own]
        return order

    def serve(self) -> None:
        while True:
            busy = sum(map(len, self.held.values()))
            lane = Lane.PEOPLE if self.waiting[Lane.PEOPLE] else Lane.BACKGROUND
            if busy == self.slots or not self.waiting[lane]:
                return
            if lane is Lane.BACKGROUND and len(self.held[lane]) >= max(1, self.slots - 1):
                return
            one = self.order(lane)[0]
            member = one.asker.user_id
            self.waiting[lane].remove(one)
            self.rounds[lane].remove(member)
            if any(other.asker.user_id == member for other in self.waiting[lane]):
                self.rounds[lane].append(member)
            self.held[lane].append(one)
            for other in self.waiting[lane]:
                if other.asker.user_id != member:
                    other.overtaken[member] += 1

    @rule(
        member=st.sampled_from("abcd"),
        channel=st.sampled_from([TOWN, HARBOUR]),
        lane=st.sampled_from([Lane.PEOPLE, Lane.PEOPLE, Lane.BACKGROUND]),
    )
    def ask(self, member: str, channel: ChannelRef, lane: Lane) -> None:
        asker = Asker(channel, member, lane)
        line = self.waiting[lane]
        own = [one for one in line if one.asker.user_id == member]
        busy = sum(map(len, self.held.values()))
        at_once = busy < self.slots and (
            lane is Lane.PEOPLE
            or (
                not self.waiting[Lane.PEOPLE]
                and len(self.held[Lane.BACKGROUND]) < max(1, self.slots - 1)
            )
        )
        full = not at_once and (
            len(own) >= self.limits.per_member
            or sum(one.asker.channel == channel for one in line) >= self.limits.per_channel
            or len(line) >= self.limits.waiting
        )
        if full:
            with pytest.raises(QueueFullError):
                self.queue.ticket(asker)
            return
        line.append(Waiting(self.queue.ticket(asker), asker, len(own)))
        if member not in self.rounds[lane]:
            self.rounds[lane].append(member)
        self.serve()

    @precondition(lambda self: any(self.waiting.values()))
    @rule(data=st.data())
    def give_up_waiting(self, data: st.DataObject) -> None:
        lane = data.draw(st.sampled_from([lane for lane, line in self.waiting.items() if line]))
        one = data.draw(st.sampled_from(self.waiting[lane]))
        self.waiting[lane].remove(one)
        member = one.asker.user_id
        if not any(other.asker.user_id == member for other in self.waiting[lane]):
            self.rounds[lane].remove(member)
        one.ticket.release()
        self.serve()

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        lane = data.draw(st.sampled_from([lane for lane, held in self.held.items() if held]))
        one = data.draw(st.sampled_from(self.held[lane]))
        self.held[lane].remove(one)
        one.ticket.release()
        self.serve()

    @rule(seconds=st.floats(0, 60))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def the_queue_is_as_the_model(self) -> None:
        assert self.queue.load == Load(
            self.slots,
            sum(map(len, self.held.values())),
            len(self.waiting[Lane.PEOPLE]),
            len(self.waiting[Lane.BACKGROUND]),
        )
        assert all(one.ticket.granted for held in self.held.values() for one in held)
        order = self.order(Lane.PEOPLE) + self.order(Lane.BACKGROUND)
        places = [one.ticket.place for one in order]
        assert places == list(range(1, len(order) + 1))

    @invariant()
    def no_slot_is_idle_while_a_person_waits(self) -> None:
        if self.waiting[Lane.PEOPLE]:
            assert self.queue.load.busy == self.slots

    @invariant()
    def nobody_is_overtaken_more_than_once_a_turn(self) -> None:
        for line in self.waiting.values():
            for one in line:
                assert all(times <= one.ahead + 1 for times in one.overtaken.values())

    @invariant()
    def who_is_further_back_waits_no_less(self) -> None:
        waiting = sum(map(len, self.waiting.values()))
        estimates = [self.queue.estimate(place) for place in range(1, waiting + 1)]
        if None not in estimates:
            assert estimates == sorted(estimates)
            assert all(estimate >= 0 for estimate in estimates)

    def teardown(self) -> None:
        while any(self.held.values()):
            for lane in Lane:
                for one in list(self.held[lane]):
                    self.held[lane].remove(one)
                    one.ticket.release()
                    self.serve()
        assert not any(self.waiting.values())
        assert self.queue.load == Load(self.slots, 0, 0, 0)


class FairQueueModelOfOneSlot(FairQueueModel):
    slots = 1
    limits = QueueLimits(waiting=9, per_member=3, per_channel=9)


TestFairQueueModel = FairQueueModel.TestCase
TestFairQueueModel.settings = settings(deadline=None, max_examples=150, stateful_step_count=60)
TestFairQueueModelOfOneSlot = FairQueueModelOfOneSlot.TestCase
TestFairQueueModelOfOneSlot.settings = settings(
    deadline=None, max_examples=100, stateful_step_count=60
)
