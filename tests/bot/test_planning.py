"""The memory plan of a configuration, on machines of every size."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from bot.errors import ConfigError
from bot.machine import Card, Machine, bandwidth_of, card_line, look
from bot.model_sizes import cached, embedder_bytes, files_of, weights_on_disk
from bot.planning import enforced, planned, settled
from bot.process import keep_downloads
from bot.settings import Config, ModelsSettings
from core.engines.memory import GIB, Device, Part
from core.settings import EngineSettings
from knowledge_base.embedders.recipe import recipe_of
from knowledge_base.settings import EmbeddingSettings, RetrievalSettings
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import add_text, open_library

LLAMA_3_8B = {
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
SIZE = 16_060_000_000


def machine(card_gib=0, ram_gib=64, *, torch=True, llama=False):
    device = Device("card", True, card_gib * GIB, card_gib * GIB)
    card = Card(device, torch, llama, 1000.0) if card_gib else None
    return Machine(Device("CPU", False, ram_gib * GIB, ram_gib * GIB), 8, card)


@pytest.fixture
def folder(tmp_path):
    """Weights of the 8B shape that take no room on the disk."""
    made = tmp_path / "Llama-3-8B"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(LLAMA_3_8B))
    for part, size in (("model-1.safetensors", SIZE // 2), ("model-2.safetensors", SIZE // 2)):
        with (made / part).open("wb") as file:
            file.truncate(size)
    with (made / "consolidated.safetensors").open("wb") as file:
        file.truncate(SIZE)
    return made


def config(folder, **engine):
    return Config(engine=EngineSettings(model=str(folder), **engine))


def only(found):
    [one] = found.engines
    return one


def test_weights_are_taken_from_the_files_and_counted_once(folder):
    assert weights_on_disk(folder) == SIZE
    assert only(planned(config(folder), machine(24))).plan.parts[0] == (Part.WEIGHTS, SIZE)


@pytest.mark.parametrize(("gib", "slots"), [(24, 5), (48, 24), (80, 49)])
def test_slots_follow_from_the_card(folder, gib, slots):
    alone = replace(config(folder), embedding=EmbeddingSettings(device="cpu"))
    made = only(planned(alone, machine(gib))).plan
    # 94 % of the card, less 14.96 GiB of weights and 1.06 of reserve; 1.1875 GiB a slot.
    assert made.slots == slots
    assert made.used <= made.budget


@pytest.mark.parametrize("gib", [8, 12, 16])
def test_a_model_too_large_for_the_card_goes_to_the_processor_and_says_what_would_fit(
    folder, gib, caplog
):
    settled, whole = enforced(config(folder), machine(gib))
    assert only(whole).moved
    assert settled.engine.device == "cpu"
    assert not only(whole).plan.device.is_gpu
    assert 'quantization = "4bit"' in caplog.text


def test_four_bits_fit_the_small_card(folder):
    settled, whole = enforced(config(folder, quantization="4bit"), machine(12))
    assert not only(whole).moved
    assert settled.engine.device == "auto"
    assert settled.engine.max_concurrent == only(whole).plan.slots >= 1
    assert settled.engine.context_window == only(whole).plan.context


def test_a_model_that_fits_nowhere_is_refused_with_what_fits(folder):
    with pytest.raises(ConfigError) as caught:
        enforced(config(folder), machine(8, ram_gib=8))
    said = str(caught.value)
    assert said.startswith("engine.model: ")
    assert "GiB are needed" in said
    assert "models recommend" in said


def test_memory_that_others_hold_just_now_is_no_reason_not_to_start(folder, caplog):
    busy = Machine(Device("CPU", False, 64 * GIB, 2 * GIB), 8, None)
    made, whole = enforced(config(folder), busy)
    assert not only(whole).plan.fits
    assert made.engine.max_concurrent == 1
    assert "GiB are needed" in caplog.text


def test_what_the_operator_set_is_kept_where_it_fits_and_lowered_where_not(folder):
    few, _ = enforced(config(folder, max_concurrent=2, context_window=2048), machine(24))
    assert (few.engine.max_concurrent, few.engine.context_window) == (2, 2048)
    many, _ = enforced(config(folder, max_concurrent=60), machine(24))
    assert many.engine.max_concurrent < 60


def test_on_the_processor_few_answer_at_once_however_much_memory_there_is(folder):
    settled, _ = enforced(config(folder), machine(ram_gib=512))
    assert settled.engine.max_concurrent == 4
    assert settled.engine.context_window == 4096


def test_an_embedder_leaves_the_card_to_answers(folder, tmp_path, caplog):
    embedder = tmp_path / "e5-large"
    embedder.mkdir()
    with (embedder / "model.safetensors").open("wb") as file:
        file.truncate(3 * GIB)
    both = replace(config(folder), embedding=EmbeddingSettings(model=str(embedder)))
    roomy, _ = enforced(both, machine(48))
    assert roomy.embedding.device == "auto"
    tight, whole = enforced(both, machine(24))
    assert tight.embedding.device == "cpu"
    assert whole.embedder_moved
    assert "the embedder runs on the processor" in caplog.text


def test_the_bundled_embedder_is_planned_on_the_card_where_it_would_go(folder):
    def wanted(**embedding):
        changed = replace(config(folder), embedding=EmbeddingSettings(**embedding))
        return dict(only(planned(changed, machine(48))).plan.parts).get(Part.EMBEDDER, 0)

    assert 0 < wanted() < GIB
    assert wanted(model="bundled") == wanted(kind="bundled", device="cuda") == wanted()
    assert wanted(kind="bundled") == wanted(device="cpu") == 0
    assert wanted(base_url="http://127.0.0.1:9/v1", model="e5") == 0


def test_the_bundled_embedder_leaves_a_tight_card_to_answers(folder):
    settled, whole = enforced(config(folder), machine(22))
    assert whole.embedder_moved
    assert settled.embedding.device == "cpu"


def weights(folder, name, gib):
    made = folder / name
    made.mkdir()
    with (made / "model.safetensors").open("wb") as file:
        file.truncate(int(gib * GIB))
    return str(made)


def test_a_reranker_is_planned_on_the_card_and_leaves_it_first(folder, tmp_path, caplog):
    reranked = replace(
        config(folder),
        embedding=EmbeddingSettings(model=weights(tmp_path, "e5", 1)),
        retrieval=RetrievalSettings(reranker=weights(tmp_path, "reranker", 2)),
    )
    roomy, whole = enforced(reranked, machine(48))
    assert dict(only(whole).plan.parts)[Part.RERANKER] > 2 * GIB
    assert (roomy.reranker_device, roomy.embedding.device) == ("auto", "auto")
    tight, whole = enforced(reranked, machine(24))
    assert whole.reranker_moved
    assert (tight.reranker_device, tight.embedding.device) == ("cpu", "auto")
    assert "the reranker runs on the processor" in caplog.text


async def test_the_former_embedder_is_planned_beside_the_new_one_while_bases_need_it(
    folder, tmp_path
):
    def wanted() -> int:
        return dict(only(planned(after, machine(80))).plan.parts)[Part.EMBEDDER]

    old = EmbeddingSettings(model=weights(tmp_path, "old", 3))
    new = EmbeddingSettings(model=weights(tmp_path, "new", 1))
    after = replace(config(folder), embedding=new, data_dir=tmp_path / "data")
    alone = wanted()
    async with open_library(tmp_path / "data") as library:
        await library.remember_embedder(recipe_of(old), never)
        base = (await library.ensure_base("shared")).base_id
        await add_text(library, base, tmp_path, "a.txt", "The gate opens at nine.")
    assert wanted() == alone + embedder_bytes(old)
    async with open_library(tmp_path / "data", HashEmbedder(salt="new")) as library:
        await library.remember_embedder(recipe_of(new), never)
        await library.rebuild(base)
    assert wanted() == alone


async def never(_fingerprint: str, _recipe: str | None) -> None:
    return None


def test_what_stands_beside_is_planned_with_the_first_engine_that_is_on_the_card(folder):
    two = Config(
        engines={
            "small": EngineSettings(model="bundled", name="small"),
            "large": EngineSettings(model=str(folder), name="large"),
        }
    )
    small, large = planned(two, machine(48)).engines
    assert Part.EMBEDDER not in dict(small.plan.parts)
    assert Part.EMBEDDER in dict(large.plan.parts)


def test_a_card_that_no_installed_package_can_use_is_not_planned_with(folder):
    assert not only(planned(config(folder), machine(80, torch=False))).plan.device.is_gpu


def test_a_second_engine_gets_what_the_first_leaves(folder):
    two = Config(
        engines={
            "one": EngineSettings(model=str(folder), name="one", max_concurrent=4),
            "two": EngineSettings(model=str(folder), name="two", max_concurrent=4),
        }
    )
    first, second = planned(two, machine(80)).engines
    assert first.plan.used + second.plan.used <= 80 * GIB * 0.95
    _, second = planned(two, machine(24)).engines
    assert second.moved


def test_the_bundled_model_and_servers_elsewhere_need_no_card():
    bundled = only(planned(Config(engine=EngineSettings(model="bundled")), machine()))
    assert (bundled.kind, bundled.plan.slots, bundled.plan.context) == ("llama_cpp", 2, 4096)
    remote = EngineSettings(model="m", base_url="http://10.0.0.5/v1")
    assert only(planned(Config(engine=remote), machine())).unplanned == "remote"
    assert only(planned(Config(), machine())).unplanned == "none"


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("/nowhere/model.gguf", "missing"),
        ("org/not-downloaded", "missing"),
        ("torn.gguf", "broken"),
    ],
)
def test_what_cannot_be_planned_says_why(tmp_path, monkeypatch, model, why):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    (tmp_path / "torn.gguf").write_bytes(b"GGUF\3\0\0\0")
    path = str(tmp_path / model) if model == "torn.gguf" else model
    assert only(planned(Config(engine=EngineSettings(model=path)), machine())).unplanned == why


def test_a_config_without_what_the_arithmetic_needs_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "rwkv"}')
    found = only(planned(config(tmp_path), machine()))
    assert (found.unplanned, found.detail) == ("shape", "num_hidden_layers")


def test_a_model_in_the_hubs_cache_is_found_by_its_id(tmp_path, monkeypatch):
    snapshot = tmp_path / "hub" / "models--org--name" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(LLAMA_3_8B))
    (snapshot / "model.safetensors").write_bytes(b"12345678")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    assert cached("org/name") == snapshot
    assert files_of(EngineSettings(model="org/name")).bytes_on_disk == 8


def test_this_machine_has_memory_and_cores():
    seen = look(ask_torch=False)
    assert seen.cores >= 1
    assert 0 < seen.ram.free_bytes <= seen.ram.total_bytes


def test_cards_are_read_from_what_the_driver_prints():
    found = card_line("NVIDIA GeForce RTX 4090, 24564, 24012\nTesla T4, 15360, 15000\n")
    assert found == Device("NVIDIA GeForce RTX 4090", True, 24564 * 1024**2, 24012 * 1024**2)
    assert card_line("No devices were found\n") is None
    assert bandwidth_of(found.name) == 1008
    assert bandwidth_of("NVIDIA H200") == 4800
    assert bandwidth_of("something new") is None


async def test_a_configuration_without_models_of_its_own_is_left_as_it_is():
    plain = Config()
    assert await settled(plain) is plain


async def test_the_bundled_model_is_settled_on_this_machine():
    made = await settled(Config(engine=EngineSettings(model="bundled")))
    assert (made.engine.max_concurrent, made.engine.context_window) == (2, 4096)


def test_the_process_may_take_what_was_planned_and_no_more(folder):
    made, _ = enforced(config(folder), machine(48))
    assert made.engine.memory_share == pytest.approx(0.94, abs=0.001)
    capped, whole = enforced(config(folder, memory_share=0.5), machine(48))
    assert capped.engine.memory_share == pytest.approx(0.5)
    assert only(whole).plan.used <= 24 * GIB


def test_slots_kept_in_fewer_bits_are_more(tmp_path):
    slots = {}
    for kept in ("f16", "q8_0", "q4_0"):
        settings = EngineSettings(model="bundled", cache_type=kept)
        on_card = machine(2, torch=False, llama=True)
        plan = only(planned(Config(engine=settings), on_card)).plan
        slots[kept] = plan.slot_bytes
    # A block of 32 numbers carries a scale of 16 bits.
    assert slots["q8_0"] == int(slots["f16"] * 8.5 / 16)
    assert slots["q4_0"] == int(slots["f16"] * 4.5 / 16)


def test_layers_kept_off_the_card_are_planned_in_memory():
    settings = EngineSettings(model="bundled", gpu_layers=0)
    on_card = machine(24, torch=False, llama=True)
    assert not only(planned(Config(engine=settings), on_card)).plan.device.is_gpu


def test_what_libraries_fetch_lies_with_the_data_unless_set(tmp_path, monkeypatch):
    names = ("HF_HOME", "TORCH_HOME", "MODELSCOPE_CACHE", "HF_ENDPOINT")
    for name in names:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("TORCH_HOME", "/elsewhere")
    mirror = ModelsSettings(endpoint="https://mirror.example")
    keep_downloads(Config(data_dir=tmp_path, models=mirror))
    assert [os.environ[name] for name in names] == [
        str(tmp_path / "cache" / "huggingface"),
        "/elsewhere",
        str(tmp_path / "cache" / "modelscope"),
        "https://mirror.example",
    ]
