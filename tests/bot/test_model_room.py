"""The models of this machine as the console sees them."""

from __future__ import annotations

import pytest

from bot.adapters.web import models_view
from bot.adapters.web.modelling import EngineRow, ModelRow, PlanRow, Pulling
from bot.model_room import Models
from bot.models.errors import ModelInUseError, NotInstalledError, PullError
from bot.settings import Config
from core.engines.choice import EngineChoice
from core.engines.queued import QueuedEngine
from core.engines.sleeping import EngineFacts, SleepingEngine
from core.errors import NoSuchEngineError
from core.language import words
from core.settings import EngineSettings
from tests.support.scripted_engine import ScriptedEngine

EN = words("en")


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
    room = Models(Config(data_dir=tmp_path), engines)

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
    room = Models(Config(data_dir=tmp_path), choice[0])
    with pytest.raises(NoSuchEngineError):
        await room.unload(name)


async def test_models_on_the_disk_and_of_the_list_are_shown_checked_and_removed(choice, tmp_path):
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    room = Models(Config(data_dir=tmp_path), choice[0])
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
        await Models(config, choice[0]).remove("mine")


async def test_a_name_that_can_be_none_is_not_fetched(choice, tmp_path):
    room = Models(Config(data_dir=tmp_path), choice[0])
    with pytest.raises(PullError):
        room.pull("../../etc", EN)
    assert room.pulls() == ()


async def test_the_plan_names_what_needs_no_memory(choice, tmp_path):
    (row,) = await Models(Config(data_dir=tmp_path), choice[0]).plan(EN)
    assert row.remark == "It needs no model, and no memory worth counting."
    assert "cores" in await Models(Config(data_dir=tmp_path), choice[0]).machine(EN)


def test_what_others_named_cannot_act_on_the_page():
    odd = "<img src=x>"
    shown = (
        models_view.engines([EngineRow(odd, odd, "ready", True, 1, 0, 0)], EN)
        + models_view.plan([PlanRow(odd, odd, odd, ((odd, 5),), 9, 1, 2, odd)], odd, EN)
        + models_view.models([ModelRow(odd, (odd,), True, False, odd)], odd, EN)
        + models_view.pulls([Pulling(odd, told=odd), Pulling(odd, "failed", told=odd)], EN)
    )
    assert "<img" not in shown


def test_a_model_is_deleted_only_after_a_second_press():
    row = ModelRow("mine", (), True, False)
    assert "remove-sure" not in models_view.models([row], "", EN)
    assert "remove-sure" in models_view.models([row], "mine", EN)
