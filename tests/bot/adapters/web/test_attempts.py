from __future__ import annotations

from bot.adapters.web.attempts import FOR_ONE_NAME, FROM_ONE_ADDRESS, WINDOW_SECONDS, Attempts


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_address_may_guess_so_often_and_then_waits():
    clock = Clock()
    attempts = Attempts(clock)
    for number in range(FROM_ONE_ADDRESS):
        assert attempts.wait("10.0.0.7", f"name {number}") == 0
        attempts.failed("10.0.0.7", f"name {number}")
        clock.now += 1
    assert attempts.wait("10.0.0.7", "another") == WINDOW_SECONDS - FROM_ONE_ADDRESS
    assert attempts.wait("10.0.0.8", "another") == 0
    clock.now += WINDOW_SECONDS - FROM_ONE_ADDRESS
    assert attempts.wait("10.0.0.7", "another") == 0


def test_one_name_is_guessed_at_so_often_from_wherever():
    attempts = Attempts(Clock())
    for number in range(FOR_ONE_NAME):
        assert attempts.wait(f"10.0.0.{number}", "Ann") == 0
        attempts.failed(f"10.0.0.{number}", "Ann")
    assert attempts.wait("10.0.1.1", " ann ") == WINDOW_SECONDS
    assert attempts.wait("10.0.1.1", "bob") == 0


def test_a_name_is_the_same_however_it_is_written():
    attempts = Attempts(Clock())
    for number in range(FOR_ONE_NAME):
        attempts.failed(f"10.0.0.{number}", "ann")
    assert attempts.wait("10.0.1.1", "ＡＮＮ") == WINDOW_SECONDS


def test_a_network_of_ipv6_is_one_address():
    attempts = Attempts(Clock())
    for number in range(FROM_ONE_ADDRESS):
        attempts.failed(f"2001:db8::{number}", f"name {number}")
    assert attempts.wait("2001:db8::ffff", "another") == WINDOW_SECONDS
    assert attempts.wait("2001:db8:0:1::1", "another") == 0


def test_who_comes_through_a_proxy_on_this_machine_locks_nobody_else_out():
    attempts = Attempts(Clock())
    for number in range(FOR_ONE_NAME):
        attempts.failed("127.0.0.1", f"name {number % 2}")
    assert attempts.wait("127.0.0.1", "another") == 0


def test_a_name_that_nobody_can_have_is_not_remembered_at_its_length():
    attempts = Attempts(Clock())
    for number in range(10):
        attempts.failed("127.0.0.1", "\ufdfa" * 16_000 + str(number))
    assert sum(len(name) for _kind, name in attempts._failed) < 2_000


def test_the_right_password_forgives():
    attempts = Attempts(Clock())
    for _ in range(FROM_ONE_ADDRESS - 1):
        attempts.failed("10.0.0.7", "ann")
    attempts.succeeded("10.0.0.7", "ann")
    for _ in range(FROM_ONE_ADDRESS - 1):
        attempts.failed("10.0.0.7", "ann")
    assert attempts.wait("10.0.0.7", "ann") == 0


def test_what_is_remembered_is_bounded():
    attempts = Attempts(Clock())
    for number in range(20_000):
        attempts.failed(f"10.0.{number // 256}.{number % 256}", "ann")
    assert len(attempts._failed) <= 10_000
