"""The head of .gguf files, against files that the format's own package writes."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import replace

import numpy as np
import pytest

from core.engines.gguf import BrokenGgufError, parts_of, read_gguf, shape_of_gguf
from core.engines.llama_cpp import bundled_model
from core.engines.shape import UnknownShapeError

gguf = pytest.importorskip("gguf", reason="the package `gguf` writes the files")


def written(path, architecture="llama", **more):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(4)
    writer.add_embedding_length(64)
    writer.add_head_count(4)
    writer.add_context_length(2048)
    writer.add_token_list([f"t{n}" for n in range(50)])
    for key, value in more.items():
        name = f"{architecture}.{key.replace('__', '.')}"
        match value:
            case bool() | int():
                writer.add_uint32(name, int(value))
            case list():
                writer.add_array(name, value)
    writer.add_tensor("token_embd.weight", np.zeros((50, 64), dtype=np.float16))
    writer.add_tensor("blk.0.ffn_up.weight", np.zeros((32, 64), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_the_bundled_model_has_the_shape_that_its_card_says():
    head = read_gguf(bundled_model())
    shape = shape_of_gguf(head)
    assert (shape.layers, shape.hidden, shape.window) == (30, 576, 8192)
    assert shape.cached_per_layer == 2 * 3 * 64
    assert shape.parameters == pytest.approx(134.5e6, rel=0.01)
    assert head.vocabulary == head.tokens == 49152
    assert head.needed_bytes == bundled_model().stat().st_size


def test_heads_of_keys_and_values_may_be_listed_for_each_layer(tmp_path):
    path = written(tmp_path / "a.gguf", "lfm2", attention__head_count_kv=[0, 2, 0, 2])
    shape = shape_of_gguf(read_gguf(path))
    assert (shape.full_layers, shape.cached_per_layer) == (2, 2 * 2 * 16)


def test_layers_of_fixed_state_take_the_same_whatever_the_context(tmp_path):
    path = written(
        tmp_path / "a.gguf",
        "qwen35",
        attention__head_count_kv=2,
        attention__key_length=32,
        attention__value_length=32,
        full_attention_interval=4,
        ssm__inner_size=128,
        ssm__state_size=16,
    )
    shape = shape_of_gguf(read_gguf(path))
    assert shape.full_layers == 1
    assert shape.state_per_slot == 3 * 2 * 128 * 16
    assert shape.cache_numbers(100) == 100 * 2 * 2 * 32 + shape.state_per_slot


def test_sliding_layers_stop_growing_at_their_window(tmp_path):
    path = written(
        tmp_path / "a.gguf",
        "gemma3",
        attention__head_count_kv=4,
        attention__sliding_window=512,
    )
    shape = shape_of_gguf(read_gguf(path))
    # Every sixth layer is full: of four, none.
    assert (shape.full_layers, shape.sliding_layers) == (0, 4)
    assert shape.cache_numbers(2048) == shape.cache_numbers(512)


def test_a_window_in_a_family_that_may_not_use_it_saves_nothing(tmp_path):
    path = written(tmp_path / "a.gguf", "newmodel", attention__sliding_window=512)
    assert shape_of_gguf(read_gguf(path)).sliding_layers == 0


def test_layers_that_share_a_cache_are_not_counted_twice(tmp_path):
    path = written(
        tmp_path / "a.gguf",
        "gemma4",
        attention__head_count_kv=2,
        attention__key_length=512,
        attention__value_length=512,
        attention__key_length_swa=256,
        attention__value_length_swa=256,
        attention__sliding_window=64,
        attention__sliding_window_pattern=[True, True, False, True],
        attention__shared_kv_layers=1,
    )
    shape = shape_of_gguf(read_gguf(path))
    assert (shape.full_layers, shape.sliding_layers) == (1, 2)
    assert shape.cache_numbers(1000) == 1000 * 2 * 1024 + 2 * 64 * 2 * 512


def test_a_file_that_is_not_whole_is_told_from_its_head(tmp_path):
    path = written(tmp_path / "a.gguf")
    size = path.stat().st_size
    assert read_gguf(path).needed_bytes <= size
    with path.open("r+b") as file:
        file.truncate(size - 4000)
    assert read_gguf(path).needed_bytes > path.stat().st_size


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "magic"),
        (b"version https://git-lfs.github.com/spec/v1\n", "magic"),
        (b"GGUF\x09\0\0\0", "version"),
        (b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\x01", "truncated"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 40, "truncated"),
    ],
)
def test_what_is_no_model_is_told_why(tmp_path, content, problem):
    path = tmp_path / "a.gguf"
    path.write_bytes(content)
    with pytest.raises(BrokenGgufError) as caught:
        read_gguf(path)
    assert caught.value.problem == problem


def test_no_head_however_cut_or_flipped_brings_anything_but_our_error(tmp_path):
    whole = written(tmp_path / "a.gguf").read_bytes()
    path = tmp_path / "b.gguf"
    for end in range(0, 900, 7):
        for content in (whole[:end], whole[:end] + b"\xff" * 9 + whole[end + 9 :]):
            path.write_bytes(content)
            with contextlib.suppress(BrokenGgufError, UnknownShapeError):
                shape_of_gguf(read_gguf(path))


def test_lists_in_lists_and_tensors_of_no_reason_are_a_broken_file(tmp_path):
    path = tmp_path / "a.gguf"
    deep = struct.pack("<Q1sI", 1, b"a", 9) + struct.pack("<IQ", 9, 1) * 20_000
    wide = struct.pack("<Q1sI", 1, b"a", 1 << 20) + b"\xff" * (8 << 20)
    for tensors, pairs, rest in ((0, 1, deep), (1, 0, wide)):
        path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs) + rest)
        with pytest.raises(BrokenGgufError):
            read_gguf(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("block_count", 1 << 63),
        ("attention.head_count", 1 << 40),
        ("attention.shared_kv_layers", 4),
        ("attention.key_length", -64),
    ],
)
def test_figures_of_no_reason_are_an_unknown_shape(tmp_path, key, value):
    head = read_gguf(written(tmp_path / "a.gguf"))
    changed = replace(head, values={**head.values, f"llama.{key}": value})
    with pytest.raises(UnknownShapeError):
        shape_of_gguf(changed)


def test_a_model_without_what_the_arithmetic_needs_names_it(tmp_path):
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(UnknownShapeError) as caught:
        shape_of_gguf(read_gguf(tmp_path / "a.gguf"))
    assert caught.value.missing == "llama.block_count"


def test_a_split_model_knows_all_its_parts(tmp_path):
    second = tmp_path / "m-00002-of-00003.gguf"
    assert [part.name for part in parts_of(second)] == [
        "m-00001-of-00003.gguf",
        "m-00002-of-00003.gguf",
        "m-00003-of-00003.gguf",
    ]
    assert parts_of(tmp_path / "m.gguf") == (tmp_path / "m.gguf",)
