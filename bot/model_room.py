"""The models of this machine, for the console: the memory plan, loading, fetching, removing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bot.adapters.web.modelling import (
    EmbedderRow,
    EngineRow,
    EngineState,
    ModelRow,
    PlanRow,
    Pulling,
)
from bot.embedder_rows import embedder_rows
from bot.machine import Machine, look, ram_bandwidth
from bot.model_choosing import BUNDLED, Choosing
from bot.models import wording
from bot.models.catalogue import catalogue, find
from bot.models.errors import ModelInUseError, NotInstalledError
from bot.models.installed import (
    Installed,
    Pull,
    installed,
    models_folder,
    named_by,
    opened,
    remove,
    wanted,
)
from bot.models.recommendation import choices, suitable
from bot.models.verification import verify
from bot.planning import PlannedEngine, moved_words, planned, too_large
from bot.settings import Config
from core.counts import cores_of
from core.engines.choice import EngineChoice
from core.engines.sleeping import SleepingEngine
from core.errors import NoSuchEngineError, UserError
from core.explain import explain
from core.language import N_, Words

_log = logging.getLogger(__name__)

_MOST_PULLS: Final = 20
_PLACES: Final = {
    "local": N_("on this machine"),
    "own": N_("on a machine of the operator's"),
    "outside": N_("outside"),
}
_UNPLANNED: Final = {
    "remote": N_("It runs elsewhere and takes no memory here."),
    "none": N_("It needs no model, and no memory worth counting."),
    "missing": N_("Its files are not there."),
    "broken": N_("Its files are broken."),
    "shape": N_("Its files do not say what the arithmetic needs."),
}


class Models:
    """What is asked of the models; `working` must be entered for fetching."""

    def __init__(self, config: Config, engines: EngineChoice, choosing: Choosing) -> None:
        self._config = config
        self._engines = engines
        self._choosing = choosing
        self._pulls: dict[str, Pulling] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._seen: Machine | None = None

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[Models, None]:
        """What is being fetched when it is left goes on where it was at the next time."""
        try:
            yield self
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    async def engines(self, _: Words) -> Sequence[EngineRow]:
        loads, rows = self._engines.loads, []
        for name in self._engines.names:
            served = self._engines.of(name)
            engine, load = served.engine, loads[name]
            state: EngineState = "ready"
            if isinstance(engine, SleepingEngine):
                state = "ready" if engine.is_loaded else "asleep" if engine.is_asleep else "off"
            changeable = isinstance(engine, SleepingEngine)
            place = _(_PLACES[served.place])
            rows.append(
                EngineRow(name, place, state, changeable, load.slots, load.busy, load.waiting)
            )
        return rows

    async def machine(self, _: Words) -> str:
        machine = await self._look()
        card, ram = machine.card, machine.ram
        if card is None:
            return _(
                "No card: {cores}, {memory} of memory, {free} free.",
                cores=cores_of(machine.cores, _),
                memory=wording.gib_words(ram.total_bytes),
                free=wording.gib_words(ram.free_bytes),
            )
        return _(
            "{card}: {memory}, {free} free.",
            card=card.device.name,
            memory=wording.gib_words(card.device.total_bytes),
            free=wording.gib_words(card.device.free_bytes),
        )

    async def plan(self, _: Words) -> Sequence[PlanRow]:
        machine = await self._look(anew=True)
        whole = await asyncio.to_thread(planned, self._config, machine)
        return [_plan_row(engine, _) for engine in whole.engines]

    async def models(self, _: Words) -> Sequence[ModelRow]:
        machine = await self._look()
        folder = models_folder(self._config)
        found = await asyncio.to_thread(installed, folder)
        here = {one.name: one for one in found if not one.embeds}
        answering = self._answering()
        fitting = await asyncio.to_thread(suitable, catalogue(), machine, ram_bandwidth)
        aims: dict[str, list[str]] = {}
        for choice in choices(fitting):
            aims.setdefault(choice.suitable.model.name, []).append(wording.aim_words(choice.aim, _))
        fits = {one.model.name for one in fitting}
        rows = []
        for model in catalogue():
            facts = [
                wording.size_words(model.size_bytes),
                wording.language_words(model.languages, _),
                model.licence,
                _("sees pictures") if model.sees else "",
                "" if model.name in fits else _("does not fit this machine"),
            ]
            told = tuple(fact for fact in facts if fact)
            good_for = ", ".join(aims.get(model.name, ()))
            own = here.get(model.name)
            answers = own is not None and own.configured_as in answering
            rows.append(ModelRow(model.name, told, own is not None, True, good_for, answers))
        for name, own in here.items():
            if find(name) is None:
                answers = own.configured_as in answering
                size = (wording.size_words(own.size),)
                rows.append(ModelRow(name, size, True, False, answers=answers))
        return sorted(rows, key=lambda row: (not row.is_here, not row.good_for))

    async def embedders(self, _: Words) -> Sequence[EmbedderRow]:
        machine = await self._look()
        here = await asyncio.to_thread(installed, models_folder(self._config))
        embedding = [one for one in here if one.embeds]
        return embedder_rows(self._config.embedding, embedding, machine, _)

    async def use(self, name: str, _: Words) -> str:
        return await self._choosing.engine(name, (await self._installed(name)).path, _)

    async def use_embedder(self, name: str, _: Words) -> str:
        if name == BUNDLED:
            return await self._choosing.embedder(name, None, _)
        return await self._choosing.embedder(name, (await self._installed(name)).path, _)

    def pulls(self) -> Sequence[Pulling]:
        return tuple(reversed(self._pulls.values()))

    async def load(self, name: str) -> None:
        await self._sleeping(name).wake()

    async def unload(self, name: str) -> bool:
        return await self._sleeping(name).rest()

    def pull(self, name: str, _: Words) -> None:
        source = self._config.models.source
        model = wanted(name.strip(), source)
        if model.name in self._tasks:
            return
        self._pulls.pop(model.name, None)
        self._pulls[model.name] = Pulling(model.name)
        for old in list(self._pulls)[: max(0, len(self._pulls) - _MOST_PULLS)]:
            if old not in self._tasks:
                del self._pulls[old]

        def total(size: int) -> None:
            self._note(model.name, total=size)

        def progress(size: int) -> None:
            self._note(model.name, done=size)

        async def fetch() -> None:
            try:
                async with opened(self._config, source) as (place, client):
                    folder = models_folder(self._config)
                    run = Pull(place, client, folder).run
                    await run(model, images=False, total=total, progress=progress)
                self._note(model.name, state="done")
            except UserError as error:
                self._note(model.name, state="failed", told=explain(error, _) or "")
            except OSError as error:
                _log.exception("pulling %s", model.name)
                self._note(model.name, state="failed", told=explain(error, _) or str(error))
            except asyncio.CancelledError:
                self._note(model.name, state="cancelled")
                raise
            finally:
                self._tasks.pop(model.name, None)

        self._tasks[model.name] = asyncio.create_task(fetch(), name=f"pull {model.name}")

    def cancel(self, name: str) -> None:
        if task := self._tasks.get(name):
            task.cancel()

    async def verify(self, name: str, _: Words) -> Sequence[str]:
        await self._installed(name)
        found = await asyncio.to_thread(verify, models_folder(self._config) / name)
        return [
            f"{wording.finding_words(one, _)} → {wording.mending_words(one, name, _)}"
            for one in found.findings
        ]

    async def remove(self, name: str) -> int:
        # Neither what is in use, nor what the next start wants.
        wanted_next = await self._choosing.configured()
        if wanted_next is not None:
            place = models_folder(self._config) / Path(name).name
            key = await asyncio.to_thread(named_by, wanted_next, place)
            if key is not None:
                raise ModelInUseError(name, key)
        return await asyncio.to_thread(remove, self._config, name)

    async def _installed(self, name: str) -> Installed:
        """Raises `NotInstalledError`."""
        folder = models_folder(self._config)
        here = {one.name: one for one in await asyncio.to_thread(installed, folder)}
        if name not in here:
            raise NotInstalledError(name, tuple(sorted(here)))
        return here[name]

    def _answering(self) -> frozenset[str]:
        """Files and folders of the models that questions go to."""
        config = self._config
        models = [config.engine.model, *(own.model for own in config.engines.values())]
        return frozenset(model for model in models if model)

    def _note(self, name: str, **facts: object) -> None:
        if held := self._pulls.get(name):
            self._pulls[name] = replace(held, **facts)  # type: ignore[arg-type]

    def _sleeping(self, name: str) -> SleepingEngine:
        """Raises `NoSuchEngineError` for one that is not there, or is not ours to load."""
        if name in self._engines.names:
            engine = self._engines.of(name).engine
            if isinstance(engine, SleepingEngine):
                return engine
        raise NoSuchEngineError(name, self._engines.names)

    async def _look(self, *, anew: bool = False) -> Machine:
        if self._seen is None or anew:
            self._seen = await asyncio.to_thread(look)
        return self._seen


def _plan_row(engine: PlannedEngine, _: Words) -> PlanRow:
    model = str(engine.settings.model or engine.kind)
    if engine.plan is None:
        remark = _(_UNPLANNED[engine.unplanned or "none"])
        return PlanRow(engine.section, model, "", (), 0, 0, 0, remark)
    made = engine.plan
    parts = tuple((wording.part_words(part, _), size) for part, size in made.parts if size)
    remark = ""
    if not made.fits:
        remark = too_large(engine, _)
    elif engine.moved:
        remark = moved_words(engine, _)
    return PlanRow(
        engine.section,
        model,
        made.device.name,
        parts,
        made.budget,
        made.slots,
        made.context,
        remark,
    )
