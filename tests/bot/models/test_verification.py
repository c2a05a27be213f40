"""Whether a model is whole is told from its files alone."""

from __future__ import annotations

import hashlib
import json
import struct

import pytest

from bot.models.verification import Finding, verify
from core.engines.llama_cpp import bundled_model

CONFIG = {
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 20,
    "max_position_embeddings": 64,
}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 99\n"


def safetensors(*names):
    header = {
        name: {"dtype": "F16", "shape": [4], "data_offsets": [8 * n, 8 * n + 8]}
        for n, name in enumerate(names)
    }
    head = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(8 * len(names))


@pytest.fixture
def folder(tmp_path):
    """A model in two parts, in order."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(CONFIG))
    (made / "tokenizer.json").write_text(
        json.dumps({"model": {"vocab": {"a": 0, "b": 18}}, "added_tokens": [{"id": 19}]})
    )
    (made / "model-1.safetensors").write_bytes(safetensors("a", "b"))
    (made / "model-2.safetensors").write_bytes(safetensors("c"))
    index = {"a": "model-1.safetensors", "b": "model-1.safetensors", "c": "model-2.safetensors"}
    (made / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return made


def troubles(path, **how):
    return [(finding.trouble, finding.file) for finding in verify(path, **how).findings]


def test_a_model_that_is_whole_has_no_trouble(folder):
    assert verify(folder).findings == ()


def test_a_part_that_the_index_names_and_is_not_there_is_told(folder):
    (folder / "model-2.safetensors").unlink()
    assert troubles(folder) == [("missing", "model-2.safetensors")]


@pytest.mark.parametrize("kept", [0, 4, 20, -1])
def test_a_part_without_its_end_is_told(folder, kept):
    path = folder / "model-1.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    assert troubles(folder) == [("truncated", "model-1.safetensors")]


def test_a_part_of_another_model_is_told(folder):
    (folder / "model-2.safetensors").write_bytes(safetensors("x"))
    assert verify(folder).findings == (Finding("shard", "model-2.safetensors", "c"),)


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "model-1.safetensors", "model.safetensors.index.json"]
)
def test_a_pointer_is_told_once_whatever_it_stands_for(folder, name):
    (folder / name).write_bytes(POINTER)
    assert troubles(folder) == [("pointer", name)]


def test_a_tokenizer_of_another_model_is_told(folder):
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": [["a", 0.0]] * 21}}))
    assert verify(folder).findings == (Finding("tokenizer_large", "tokenizer.json", "20 >= 20"),)


@pytest.mark.parametrize(
    ("content", "trouble"), [(None, "tokenizer_missing"), ("{", "tokenizer_broken")]
)
def test_a_tokenizer_that_is_missing_or_broken_is_told(folder, content, trouble):
    path = folder / "tokenizer.json"
    path.unlink()
    if content:
        path.write_text(content)
    assert troubles(folder) == [(trouble, "tokenizer.json")]


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_config_that_cannot_be_read_is_told(folder, content):
    (folder / "config.json").write_text(content)
    assert troubles(folder) == [("config", "config.json")]


def test_a_folder_without_weights_or_config_is_told(tmp_path):
    assert {trouble for trouble, _ in troubles(tmp_path)} == {
        "missing", "no_weights", "tokenizer_missing",
    }  # fmt: skip
    assert troubles(tmp_path / "nothing") == [("missing", "nothing")]


def test_what_was_fetched_is_compared_with_its_sums(folder):
    files = {
        path.name: {
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in folder.iterdir()
    }
    (folder / "lorekeeper.json").write_text(json.dumps({"files": files}))
    assert verify(folder).sums
    assert troubles(folder) == []
    path = folder / "model-1.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert troubles(folder) == [("checksum", "model-1.safetensors")]
    assert troubles(folder, sums=False) == []
    (folder / "tokenizer.json").unlink()
    assert ("tokenizer_missing", "tokenizer.json") in troubles(folder)


def test_what_is_half_fetched_is_told(folder):
    (folder / "model-3.safetensors.abc.part").write_bytes(b"x")
    assert troubles(folder) == [("unfinished", "model-3.safetensors.abc.part")]


def test_a_gguf_file_is_looked_at_whole_cut_and_torn(tmp_path):
    assert verify(bundled_model()).findings == ()
    content = bundled_model().read_bytes()
    path = tmp_path / "m.gguf"
    path.write_bytes(content[: len(content) // 2])
    assert troubles(path) == [("truncated", "m.gguf")]
    path.write_bytes(content[:200])
    assert troubles(path) == [("truncated", "m.gguf")]
    path.write_bytes(b"<html>not found</html>")
    assert troubles(path) == [("no_model", "m.gguf")]
    path.write_bytes(POINTER)
    assert troubles(path) == [("pointer", "m.gguf")]
    assert troubles(tmp_path) == [("pointer", "m.gguf")]
    assert troubles(tmp_path / "m-00001-of-00002.gguf") == [
        ("missing", "m-00001-of-00002.gguf"),
        ("missing", "m-00002-of-00002.gguf"),
    ]
