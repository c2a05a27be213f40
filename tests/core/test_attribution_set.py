"""The labelled sentences of the benchmark, as a net under every change of attribution."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from benchmarks.attribution import DATA, SWAPPED, settled

KINDS = {"supported": 55, "unsupported": 15, "number": 10, "date": 10, "name": 5, "marker": 5}
ROWS = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def sentences():
    return settled()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_half_of_them_is_in_each_language(sentences, language):
    assert Counter(one.kind for one in sentences if one.language == language) == KINDS


def test_labels_name_passages_that_are_there():
    for row in ROWS:
        for sentence in row["sentences"]:
            assert all(0 < n <= len(row["passages"]) for n in sentence["passages"])
            assert bool(sentence["passages"]) == (sentence["kind"] in ("supported", "marker"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_swapped_is_caught_and_what_is_said_otherwise_is_not(sentences, language):
    own = [one for one in sentences if one.language == language]
    swapped = [one.is_caught for one in own if one.kind in SWAPPED]
    alarms = [one.marked for one in own if one.is_supported]
    assert sum(swapped) / len(swapped) >= 0.95
    assert sum(alarms) / len(alarms) <= 0.05
