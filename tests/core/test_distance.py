"""Where an engine computes, by what is stated or by its address."""

from __future__ import annotations

import pytest

from core.distance import furthest, is_within, nearer, place_of, place_of_address


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://127.0.0.1:8000/v1", "local"),
        ("http://localhost/v1", "local"),
        ("http://[::1]:8000/v1", "local"),
        ("http://10.0.0.5:8000/v1", "own"),
        ("http://192.168.1.9/v1", "own"),
        ("http://[fd00::1]/v1", "own"),
        ("http://gpu:8000/v1", "own"),
        ("http://gpu.lan/v1", "own"),
        ("https://api.example.com/v1", "outside"),
        ("http://8.8.8.8/v1", "outside"),
        ("http://localhost.example.com/v1", "outside"),
        ("http://127.0.0.1@evil.example.com/v1", "outside"),
        ("nonsense", "outside"),
    ],
)
def test_an_address_says_whose_machine_it_is(address, place):
    assert place_of_address(address) == place


def test_what_is_stated_holds_and_the_furthest_of_several_servers_counts():
    assert place_of("outside", ["http://127.0.0.1:1"]) == "outside"
    assert place_of("auto", ["http://127.0.0.1:1", "http://10.0.0.1:1"]) == "own"
    assert place_of("auto", []) == "local"
    assert furthest(["own", "outside", "local"]) == "outside"
    assert nearer("own", "outside") == "own"
    assert [is_within(place, "own") for place in ("local", "own", "outside")] == [True, True, False]
