"""`check` and `models`, as a person runs them."""

from __future__ import annotations

import json

import pytest

from core.engines.llama_cpp import bundled_model
from tests.support.shell import bot


def items(done):
    return [json.loads(line) for line in done.out.splitlines()]


def test_a_fresh_clone_is_in_order(tmp_path):
    done = bot(tmp_path, "check", "--json")
    assert done.code == 0, done
    found = items(done)
    assert {item["state"] for item in found} <= {"ok", "warning"}
    assert {"configuration", "disk", "device", "embedding", "engine"} <= {
        item["subject"] for item in found
    }


@pytest.mark.parametrize(("language", "said"), [("en", "answers at once"), ("zh", "同时 3 个回答")])
def test_the_memory_plan_of_a_model_is_printed(tmp_path, language, said):
    (tmp_path / "config.toml").write_text(
        f'[chat]\nlanguage = "{language}"\n[engine]\nmodel = "bundled"\nmax_concurrent = 3\n'
    )
    done = bot(tmp_path, "check")
    assert done.code == 0, done
    assert said in done.out
    assert "GiB" in done.out


def test_each_failure_names_the_line_that_mends_it(tmp_path):
    (tmp_path / "torn.gguf").write_bytes(bundled_model().read_bytes()[:100_000])
    (tmp_path / "config.toml").write_text(
        '[engines.gone]\nmodel = "none.gguf"\n[engines.torn]\nmodel = "torn.gguf"\n'
    )
    done = bot(tmp_path, "check", "--json")
    assert done.code == 1
    failures = [item for item in items(done) if item.get("state") == "failure"]
    assert len(failures) == 2
    assert all(item["fix"] for item in failures)
    assert "engines.gone" in failures[0]["text"]
    assert "models pull" in failures[0]["fix"]
    assert "torn.gguf" in failures[1]["text"]


def test_a_data_folder_that_cannot_be_written_is_a_failure(tmp_path):
    (tmp_path / "file").write_text("")
    done = bot(tmp_path, "check", "--json", LOREKEEPER__DATA_DIR=str(tmp_path / "file" / "data"))
    assert done.code == 1
    assert [item["subject"] for item in items(done) if item.get("state") == "failure"] == ["disk"]


def test_recommending_and_applying_in_the_shell(tmp_path):
    (tmp_path / "config.toml").write_text("# mine\n[web]\nport = 7999\n")
    done = bot(tmp_path, "models", "recommend", "--json")
    assert done.code == 0, done
    [first, *_] = items(done)
    assert first["for"] == "quality"
    done = bot(tmp_path, "models", "recommend", "--apply", "fast")
    assert done.code == 0, done
    assert "models pull" in done.out
    written = (tmp_path / "config.toml").read_text()
    assert written.startswith("# mine\n")
    assert "llama_cpp" in written or "transformers" in written
    done = bot(tmp_path, "check")
    assert done.code == 1
    assert "models pull" in done.out


def test_listing_fetching_from_a_folder_verifying_and_removing(tmp_path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "small-Q4_K_M.gguf").write_bytes(bundled_model().read_bytes())
    done = bot(tmp_path, "models", "pull", "acme/small", "--source", str(mirror))
    assert done.code == 0, done
    path = tmp_path / "data" / "models" / "small" / "small-Q4_K_M.gguf"
    assert f'model = "{path}"' in done.out
    listed = items(bot(tmp_path, "models", "list", "--json"))
    assert [one["installed"] for one in listed if one["name"] == "small"] == [str(path)]
    assert bot(tmp_path, "models", "verify").code == 0
    with path.open("r+b") as file:
        file.truncate(1_000_000)
    done = bot(tmp_path, "models", "verify", "small", "--json")
    assert done.code == 1
    assert items(done)[0]["findings"][0]["trouble"] == "truncated"
    done = bot(tmp_path, "models", "remove", "small")
    assert done.code == 0, done
    assert not path.exists()
    done = bot(tmp_path, "models", "remove", "small")
    assert done.code == 1


def test_what_fails_is_one_sentence(tmp_path):
    done = bot(tmp_path, "models", "pull", "nonsense")
    assert done.code == 1
    assert "models list" in done.err
    assert "Traceback" not in done.err
