"""The arithmetic of the memory plan, against figures worked out by hand or published."""

from __future__ import annotations

import pytest

from core.engines.memory import (
    GIB,
    Device,
    Part,
    Precision,
    Wishes,
    plan,
    weight_bytes,
)
from core.engines.shape import UnknownShapeError, read_shape, shape_of

LLAMA_3_8B = {
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
}
GLM_4_9B = {
    "num_hidden_layers": 40,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "head_dim": 128,
    "intermediate_size": 13696,
    "vocab_size": 151552,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
}
QWEN_3_5_9B = {
    "model_type": "qwen3_5",
    "tie_word_embeddings": False,
    "vision_config": {"hidden_size": 1152},
    "text_config": {
        "num_hidden_layers": 32,
        "hidden_size": 4096,
        "num_attention_heads": 16,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "intermediate_size": 12288,
        "vocab_size": 248320,
        "max_position_embeddings": 262144,
        "attn_output_gate": True,
        "layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 8,
        "linear_num_value_heads": 32,
        "linear_value_head_dim": 128,
        "linear_key_head_dim": 128,
        "linear_num_key_heads": 16,
    },
}
GEMMA_3_4B = {
    "text_config": {
        "num_hidden_layers": 34,
        "hidden_size": 2560,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "intermediate_size": 10240,
        "vocab_size": 262208,
        "max_position_embeddings": 131072,
        "sliding_window": 1024,
        "sliding_window_pattern": 6,
        "tie_word_embeddings": True,
    }
}
GPT_OSS_20B = {
    "num_hidden_layers": 24,
    "hidden_size": 2880,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "intermediate_size": 2880,
    "vocab_size": 201088,
    "max_position_embeddings": 131072,
    "sliding_window": 128,
    "num_local_experts": 32,
    "layer_types": ["sliding_attention", "full_attention"] * 12,
    "tie_word_embeddings": False,
}
MINISTRAL_3_8B = {
    "num_hidden_layers": 34,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 14336,
    "vocab_size": 131072,
    "max_position_embeddings": 262144,
    "tie_word_embeddings": False,
}
CHATGLM2_6B = {
    "num_layers": 28,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "multi_query_group_num": 2,
    "kv_channels": 128,
    "ffn_hidden_size": 13696,
    "padded_vocab_size": 65024,
    "seq_length": 32768,
    "tie_word_embeddings": False,
}


def card(gigabytes: int) -> Device:
    return Device(f"{gigabytes} GB", True, gigabytes * GIB, gigabytes * GIB)


@pytest.mark.parametrize(
    ("config", "billions"),
    [
        (LLAMA_3_8B, 8.030),
        (GLM_4_9B, 9.400),
        (QWEN_3_5_9B, 8.954),
        (GEMMA_3_4B, 3.880),
        (GPT_OSS_20B, 20.915),
        (MINISTRAL_3_8B, 8.490),
        (CHATGLM2_6B, 6.244),
    ],
)
def test_parameters_follow_from_the_config_within_a_hundredth(config, billions):
    assert shape_of(config).parameters / 1e9 == pytest.approx(billions, rel=0.01)


def test_a_token_of_llama_3_takes_128_kib_of_cache():
    assert shape_of(LLAMA_3_8B).cache_numbers(1) * 2 == 128 * 1024


def test_sliding_layers_stop_growing_at_their_window():
    shape = shape_of(GEMMA_3_4B)
    assert (shape.full_layers, shape.sliding_layers) == (5, 29)
    per_token = 2 * 4 * 256
    assert shape.cache_numbers(8192) == (5 * 8192 + 29 * 1024) * per_token


def test_layers_that_look_at_chunks_are_cached_up_to_a_chunk():
    kinds = ["chunked_attention", "chunked_attention", "chunked_attention", "full_attention"] * 8
    chunked = shape_of(LLAMA_3_8B | {"layer_types": kinds, "attention_chunk_size": 4096})
    whole = shape_of(LLAMA_3_8B | {"layer_types": kinds})
    each = 2 * 8 * 128
    assert chunked.cache_numbers(8192) == each * (8 * 8192 + 24 * 4096)
    assert whole.cache_numbers(8192) == each * 32 * 8192


@pytest.mark.parametrize(
    "changed",
    [
        {"num_hidden_layers": 1 << 40},
        {"num_key_value_heads": -8},
        {"num_kv_shared_layers": 40},
        {"layer_types": ["conv"] * 32},
    ],
)
def test_a_config_of_no_reason_is_an_unknown_shape(changed):
    with pytest.raises(UnknownShapeError):
        shape_of(LLAMA_3_8B | changed)


def test_linear_layers_keep_a_state_of_fixed_size():
    shape = shape_of(QWEN_3_5_9B)
    growth = shape.cache_numbers(2000) - shape.cache_numbers(1000)
    assert growth == 1000 * 8 * 2 * 4 * 256
    assert shape.state_per_slot == 2 * 24 * 32 * 128 * 128


def test_compressed_attention_caches_its_compressed_form():
    config = {**GLM_4_9B, "kv_lora_rank": 512, "qk_rope_head_dim": 64}
    assert shape_of(config).cached_per_layer == 576


@pytest.mark.parametrize("missing", ["num_hidden_layers", "hidden_size", "vocab_size"])
def test_a_config_that_says_too_little_is_refused_with_the_missing_key(missing):
    config = {key: value for key, value in LLAMA_3_8B.items() if key != missing}
    with pytest.raises(UnknownShapeError) as caught:
        shape_of(config)
    assert caught.value.missing == missing


def test_a_config_that_is_no_object_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(UnknownShapeError):
        read_shape(tmp_path)


def test_quantisation_shrinks_everything_but_the_embeddings():
    shape = shape_of(LLAMA_3_8B)
    embeddings = 2 * 128256 * 4096
    assert weight_bytes(shape, Precision.BF16) == shape.parameters * 2
    assert weight_bytes(shape, Precision.INT4) == pytest.approx(
        embeddings * 2 + (shape.parameters - embeddings) * 4.5 / 8
    )


SHAPES = {
    "llama 3 8b": LLAMA_3_8B,
    "glm 4 9b": GLM_4_9B,
    "qwen 3.5 9b": QWEN_3_5_9B,
    "gemma 3 4b": GEMMA_3_4B,
    "gpt-oss 20b": GPT_OSS_20B,
    "ministral 3 8b": MINISTRAL_3_8B,
}


@pytest.mark.parametrize("gigabytes", [8, 16, 24, 48, 80])
@pytest.mark.parametrize("precision", list(Precision))
@pytest.mark.parametrize("name", SHAPES)
def test_a_plan_never_takes_more_than_there_is(name, precision, gigabytes):
    shape = shape_of(SHAPES[name])
    weights = weight_bytes(shape, precision)
    made = plan(card(gigabytes), shape, weights, Wishes(embedder_bytes=GIB, reranker_bytes=GIB))
    if made.fits:
        assert made.used <= made.budget < gigabytes * GIB
        assert made.context <= shape.window
    else:
        smallest = shape.cache_numbers(2048) * 2
        assert weights + smallest > made.budget - 3 * GIB


@pytest.mark.parametrize(
    ("name", "gigabytes", "precision", "slots", "context"),
    [
        # 24 GiB · 0.94 = 22.56; 14.96 weights, 1.2 reserve, 6.4 left: six slots of 1 GiB.
        ("llama 3 8b", 24, Precision.BF16, 6, 8192),
        ("llama 3 8b", 8, Precision.BF16, 0, 2048),
        ("llama 3 8b", 8, Precision.INT4, 1, 8192),
        # 17.5 weights, 0.9 reserve, 4.2 left; two groups of keys: 40 KiB a token, 320 MiB a slot.
        ("glm 4 9b", 24, Precision.BF16, 13, 8192),
        ("glm 4 9b", 80, Precision.BF16, 64, 8192),
        # 16.7 weights, 0.9 reserve, 5.0 left; 256 MiB of eight layers and 48 of state a slot.
        ("qwen 3.5 9b", 24, Precision.BF16, 16, 8192),
    ],
)
def test_slots_and_context_follow_from_the_card(name, gigabytes, precision, slots, context):
    shape = shape_of(SHAPES[name])
    made = plan(card(gigabytes), shape, weight_bytes(shape, precision), Wishes())
    assert (made.slots, made.context) == (slots, context)


def test_reranker_then_embedder_leave_the_card_before_answers_become_few():
    shape = shape_of(LLAMA_3_8B)
    weights = weight_bytes(shape, Precision.BF16)
    roomy = plan(card(48), shape, weights, Wishes(embedder_bytes=GIB, reranker_bytes=2 * GIB))
    tight = plan(card(24), shape, weights, Wishes(embedder_bytes=GIB, reranker_bytes=2 * GIB))
    tighter = plan(
        card(24), shape, weights, Wishes(slots=6, embedder_bytes=GIB, reranker_bytes=2 * GIB)
    )
    assert roomy.displaced == ()
    assert (tight.displaced, tight.slots) == ((Part.RERANKER,), 5)
    assert (tighter.displaced, tighter.slots) == ((Part.RERANKER, Part.EMBEDDER), 6)


def test_slots_that_were_set_are_lowered_to_what_fits():
    shape = shape_of(LLAMA_3_8B)
    made = plan(card(24), shape, weight_bytes(shape, Precision.BF16), Wishes(slots=16))
    assert (made.wanted_slots, made.slots) == (16, 6)


def test_context_is_shortened_before_the_model_leaves_the_card():
    shape = shape_of({**LLAMA_3_8B, "max_position_embeddings": 131072})
    made = plan(
        card(24), shape, weight_bytes(shape, Precision.BF16), Wishes(slots=1, context=131072)
    )
    assert made.fits
    assert made.context == 32768


def test_what_others_hold_on_the_card_is_not_planned_with():
    shape = shape_of(LLAMA_3_8B)
    weights = weight_bytes(shape, Precision.BF16)
    shared = Device("shared", True, 80 * GIB, 20 * GIB)
    made = plan(shared, shape, weights, Wishes())
    assert made.used <= 20 * GIB
    assert plan(card(80), shape, weights, Wishes(cap_bytes=20 * GIB)).slots == made.slots


@pytest.mark.parametrize(
    ("layers", "heads", "global_heads", "shared", "window", "full", "sliding"),
    [(42, 2, None, 18, 512, 4, 20), (60, 16, 4, 0, 1024, 10, 50)],
)
def test_gemma_4_shares_caches_and_has_other_heads_where_it_sees_everything(  # noqa: PLR0913
    layers, heads, global_heads, shared, window, full, sliding
):
    # Figures of E4B and 31B as in the tests of LightLLM's cache layout for them.
    shape = shape_of(
        {
            "num_hidden_layers": layers,
            "hidden_size": 2560,
            "num_attention_heads": 8,
            "num_key_value_heads": heads,
            "num_global_key_value_heads": global_heads,
            "head_dim": 256,
            "global_head_dim": 512,
            "intermediate_size": 10240,
            "vocab_size": 262144,
            "max_position_embeddings": 131072,
            "sliding_window": window,
            "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * (layers // 6),
            "num_kv_shared_layers": shared,
            "tie_word_embeddings": True,
        }
    )
    assert (shape.full_layers, shape.sliding_layers) == (full, sliding)
    tokens = 2048
    grown = full * tokens * 2 * (global_heads or heads) * 512
    assert shape.cache_numbers(tokens) == grown + sliding * window * 2 * heads * 256
