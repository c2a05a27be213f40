"""The models of this machine as the console sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import config as configuration
from bot.adapters.web import models_view
from bot.adapters.web.modelling import EmbedderRow, EngineRow, ModelRow, PlanRow, Pulling
from bot.model_choosing import Choosing
from bot.model_room import Models
from bot.models.errors import ModelInUseError, NotInstalledError, PullError
from bot.reloading import Applied
from bot.settings import Config
from core.engines.choice import EngineChoice
from core.engines.queued import QueuedEngine
from core.engines.sleeping import EngineFacts, SleepingEngine
from core.errors import NoSuchEngineError
from core.language import words
from core.settings import EngineSettings
from knowledge_base.settings import EmbeddingSettings
from tests.support.scripted_engine import ScriptedEngine

EN = words("en")


async def reloaded() -> Applied:
    return Applied((), ("engine.model",))


def room_of(config: Config, engines: EngineChoice, file: Path | None = None) -> Models:
    return Models(config, engines, Choosing(file or config.data_dir / "config.toml", reloaded))


@pytest.fixture
def choice():
    loads = []

    async def load():
        loads.append(1)
        return ScriptedEngine(name="small")

    sleeping = SleepingEngine(EngineFacts("small", 2048, 2), load)
    engines = {
        "fixed": QueuedEngine.of(ScriptedEngine(name="fixed"), EngineSettings()),
        "small": QueuedEngine.of(sleeping, EngineSettings(max_concurrent=2)),
    }
    made = EngineChoice(engines, "fixed", engines["fixed"])
    made_loads = loads
    return made, made_loads


async def test_a_model_is_loaded_unloaded_and_loaded_again_while_the_bot_runs(choice, tmp_path):
    engines, loads = choice
    room = room_of(Config(data_dir=tmp_path), engines)

    async def states() -> dict[str, str]:
        return {row.name: row.state for row in await room.engines(EN)}

    assert await states() == {"fixed": "ready", "small": "asleep"}
    await room.load("small")
    assert (await states())["small"] == "ready"
    assert await room.unload("small")
    assert (await states())["small"] == "asleep"
    await room.load("small")
    assert len(loads) == 2


@pytest.mark.parametrize("name", ["fixed", "nothing", ""])
async def test_what_is_not_ours_to_load_is_told(choice, tmp_path, name):
    room = room_of(Config(data_dir=tmp_path), choice[0])
    with pytest.raises(NoSuchEngineError):
        await room.unload(name)


async def test_models_on_the_disk_and_of_the_list_are_shown_checked_and_removed(choice, tmp_path):
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    room = room_of(Config(data_dir=tmp_path), choice[0])
    rows = await room.models(EN)
    assert (rows[0].name, rows[0].is_here, rows[0].is_listed) == ("mine", True, False)
    assert len(rows) > 3
    assert await room.verify("mine", EN)
    assert await room.remove("mine") == 2
    with pytest.raises(NotInstalledError):
        await room.verify("mine", EN)
    with pytest.raises(NotInstalledError):
        await room.remove("../models")


async def test_a_model_that_is_configured_is_not_removed(choice, tmp_path):
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    config = Config(data_dir=tmp_path, engine=EngineSettings(model=str(folder)))
    with pytest.raises(ModelInUseError):
        await room_of(config, choice[0]).remove("mine")


async def test_a_name_that_can_be_none_is_not_fetched(choice, tmp_path):
    room = room_of(Config(data_dir=tmp_path), choice[0])
    with pytest.raises(PullError):
        room.pull("../../etc", EN)
    assert room.pulls() == ()


async def test_the_plan_names_what_needs_no_memory(choice, tmp_path):
    (row,) = await room_of(Config(data_dir=tmp_path), choice[0]).plan(EN)
    assert row.remark == "It needs no model, and no memory worth counting."
    assert "cores" in await room_of(Config(data_dir=tmp_path), choice[0]).machine(EN)


def test_what_others_named_cannot_act_on_the_page():
    odd = "<img src=x>"
    shown = (
        models_view.engines([EngineRow(odd, odd, "ready", True, 1, 0, 0)], EN)
        + models_view.plan([PlanRow(odd, odd, odd, ((odd, 5),), 9, 1, 2, odd)], odd, EN)
        + models_view.models([ModelRow(odd, (odd,), True, False, odd)], ("remove", odd), EN)
        + models_view.embedders([EmbedderRow(odd, (odd,), True, good_for=odd)], ("embed", odd), EN)
        + models_view.pulls([Pulling(odd, told=odd), Pulling(odd, "failed", told=odd)], EN)
    )
    assert "<img" not in shown


@pytest.mark.parametrize("act", ["remove", "use"])
def test_a_model_is_deleted_or_configured_only_after_a_second_press(act):
    row = ModelRow("mine", (), True, False)
    assert f"{act}-sure" not in models_view.models([row], ("", ""), EN)
    assert f"{act}-sure" not in models_view.models([row], (act, "other"), EN)
    assert f"{act}-sure" in models_view.models([row], (act, "mine"), EN)


def test_what_is_at_work_or_cannot_be_is_not_offered():
    answering = ModelRow("mine", (), True, False, answers=True)
    assert 'data-act="use"' not in models_view.models([answering], ("", ""), EN)
    embedding = EmbedderRow("mine", (), True, embeds=True)
    too_large = EmbedderRow("large", (), True, usable=False)
    away = EmbedderRow("away", (), False)
    shown = models_view.embedders([embedding, too_large, away], ("", ""), EN)
    assert 'data-act="embed"' not in shown
    assert shown.count('data-act="pull"') == 1


def laid_embedder(folder):
    place = folder / "models" / "bge-m3"
    place.mkdir(parents=True)
    for name in ("config.json", "modules.json"):
        (place / name).write_text("{}")
    return place


async def test_embedding_models_are_listed_apart_with_what_fits(choice, tmp_path):
    laid_embedder(tmp_path)
    room = room_of(Config(data_dir=tmp_path), choice[0])
    assert "bge-m3" not in {row.name for row in await room.models(EN)}
    rows = {row.name: row for row in await room.embedders(EN)}
    assert [name for name, row in rows.items() if row.embeds] == ["bundled"]
    assert rows["bge-m3"].is_here
    assert rows["bge-m3"].removable
    assert not rows["multilingual-e5-base"].is_here
    fits = [fact for fact in rows["multilingual-e5-base"].facts if "fit" in fact]
    assert fits


async def test_the_embedding_model_that_is_configured_is_shown_and_not_removed(choice, tmp_path):
    place = laid_embedder(tmp_path)
    settings = EmbeddingSettings(kind="sentence_transformers", model=str(place))
    room = room_of(Config(data_dir=tmp_path, embedding=settings), choice[0])
    rows = await room.embedders(EN)
    assert (rows[0].name, rows[0].embeds) == ("bge-m3", True)
    with pytest.raises(ModelInUseError):
        await room.remove("bge-m3")


async def test_one_that_embeds_elsewhere_is_named_by_its_host_alone(choice, tmp_path):
    settings = EmbeddingSettings(model="bge-m3", base_url="https://ada:pass@vectors.example/v1")
    room = room_of(Config(data_dir=tmp_path, embedding=settings), choice[0])
    row = (await room.embedders(EN))[0]
    assert (row.name, row.embeds, row.facts[0]) == ("bge-m3", True, "vectors.example")


async def test_what_is_chosen_goes_into_the_file_and_is_kept_from_then_on(choice, tmp_path):
    laid_embedder(tmp_path)
    file = tmp_path / "config.toml"
    file.write_text("data_dir = '.'  # mine\n", encoding="utf-8")
    room = room_of(Config(data_dir=tmp_path), choice[0], file)
    told = await room.use_embedder("bge-m3", EN)
    assert "after a restart of the bot" in told
    assert "# mine" in file.read_text(encoding="utf-8")
    assert configuration.load(file, {}).embedding.model == str(tmp_path / "models" / "bge-m3")
    with pytest.raises(ModelInUseError):
        await room.remove("bge-m3")
    await room.use_embedder("bundled", EN)
    assert configuration.load(file, {}).embedding.kind == "bundled"
    await room.remove("bge-m3")
    with pytest.raises(NotInstalledError):
        await room.use("bge-m3", EN)
