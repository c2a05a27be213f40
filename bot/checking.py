"""What `check` finds: each thing in order, doubtful or wrong, with the line that mends it."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from bot import output
from bot.machine import Machine, look
from bot.models import wording
from bot.models.installed import models_folder
from bot.models.verification import verify
from bot.planning import Planned, PlannedEngine, moved_words, planned, too_large
from bot.settings import Config
from bot.wording import own_words
from core.engines.memory import GIB, Part
from core.language import Words

State: TypeAlias = Literal["ok", "warning", "failure"]

_MARKS: Final[dict[State, str]] = {"ok": "✓", "warning": "!", "failure": "✗"}
_LITTLE_DISK: Final = 2 * GIB


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was looked at."""

    state: State
    subject: str
    """A word for programs: "disk", "engine", "memory"."""
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """What all looks are made from."""

    config: Config
    machine: Machine
    plan: Planned
    words: Words


Look: TypeAlias = Callable[[Looked], Iterator[Item]]


async def check(config: Config, as_json: bool) -> int:
    """1 where something is wrong; what is only doubtful is told and no failure."""
    machine = await asyncio.to_thread(look)
    plan = await asyncio.to_thread(planned, config, machine)
    looked = Looked(config, machine, plan, own_words(config))
    code = 0
    for glance in LOOKS:
        for item in await asyncio.to_thread(lambda g=glance: list(g(looked))):  # type: ignore[misc]
            code |= item.state == "failure"
            if as_json:
                output.emit(
                    {
                        "state": item.state,
                        "subject": item.subject,
                        "text": item.text,
                        "fix": item.fix or None,
                    }
                )
            else:
                output.say(f"{_MARKS[item.state]} {item.text}")
                if item.fix:
                    output.say(f"  → {item.fix}")
    for engine in plan.engines:
        if engine.plan is not None:
            if as_json:
                output.emit(_plan_values(engine))
            else:
                _say_plan(engine, looked.words)
    return int(code)


def _configuration(looked: Looked) -> Iterator[Item]:
    _ = looked.words
    yield Item("ok", "configuration", _("The configuration can be read."))
    for remark in looked.config.remarks:
        yield Item("warning", "configuration", remark)


def _data(looked: Looked) -> Iterator[Item]:
    _ = looked.words
    folder = looked.config.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        text = _(
            "Nothing can be stored in {folder}: {reason}", folder=folder, reason=error.strerror
        )
        yield Item("failure", "disk", text, _('data_dir = "a folder that you may write to"'))
        return
    free = shutil.disk_usage(folder).free
    text = _("Data lies in {folder}, {free} are free.", folder=folder, free=wording.gib_words(free))
    little = free < _LITTLE_DISK
    fix = _('Free some, or data_dir = "a folder on a larger disk"') if little else ""
    yield Item("warning" if little else "ok", "disk", text, fix)


def _device(looked: Looked) -> Iterator[Item]:
    _ = looked.words
    ram, card = looked.machine.ram, looked.machine.card
    yield Item(
        "ok",
        "device",
        _(
            "{cores} cores, {total} of memory, {free} free.",
            cores=looked.machine.cores,
            total=wording.gib_words(ram.total_bytes),
            free=wording.gib_words(ram.free_bytes),
        ),
    )
    if card is None:
        wants = [e for e in looked.plan.engines if e.settings.device == "cuda"]
        if wants:
            text = _(
                "No CUDA card is seen, and `{key}` names one.", key=f"{wants[0].section}.device"
            )
            yield Item("warning", "device", text, 'device = "auto"')
        return
    text = _(
        "{name}: {total}, {free} free.",
        name=card.device.name,
        total=wording.gib_words(card.device.total_bytes),
        free=wording.gib_words(card.device.free_bytes),
    )
    yield Item("ok", "device", text)
    kinds = {engine.kind for engine in looked.plan.engines}
    if "transformers" in kinds and not card.by_torch:
        text = _("The installed torch cannot compute on the card.")
        yield Item(
            "warning", "device", text, "pip install --force-reinstall torch  # a build with CUDA"
        )
    if "llama_cpp" in kinds and not card.by_llama:
        text = _("The installed xllamacpp cannot compute on the card: models run on the processor.")
        yield Item(
            "warning",
            "device",
            text,
            _("Install its CUDA build: see docs/models.md, section Cards."),
        )


def _engines(looked: Looked) -> Iterator[Item]:
    for engine in looked.plan.engines:
        yield from _engine(engine, looked)


def _engine(engine: PlannedEngine, looked: Looked) -> Iterator[Item]:
    _ = looked.words
    model = str(engine.settings.model or "bundled")
    named = {"section": engine.section, "model": model}
    match engine.unplanned:
        case "none":
            text = _(
                "[{section}] quotes from the documents, without a model.", section=engine.section
            )
            yield Item("ok", "engine", text)
            return
        case "remote":
            hosts = ", ".join(engine.settings.addresses)
            yield Item(
                "ok", "engine", _("[{section}] asks {hosts}.", section=engine.section, hosts=hosts)
            )
            return
        case "missing":
            yield from _missing(engine, looked, model)
            return
        case "broken" | "shape":
            yield from _torn(engine, looked, model)
            return
        case None:
            pass
    yield from _packages(engine, looked)
    torn = list(_torn_files(engine, looked, model))
    yield from torn
    if engine.plan is not None and not engine.plan.fits:
        yield Item(
            "failure",
            "memory",
            f"[{engine.section}] {model}: {too_large(engine, _)}",
            _("python -m bot models recommend"),
        )
    elif engine.moved:
        yield Item(
            "warning",
            "memory",
            f"[{engine.section}] {moved_words(engine, _)}",
            'quantization = "4bit"' if engine.kind == "transformers" else "",
        )
    elif not torn:
        yield Item("ok", "engine", _("[{section}] runs {model} in this process.", **named))


def _missing(engine: PlannedEngine, looked: Looked, model: str) -> Iterator[Item]:
    _ = looked.words
    yield from _packages(engine, looked)
    hub_id = (
        model.count("/") == 1
        and not model.startswith((".", "/", "~"))
        and engine.kind == "transformers"
    )
    text = _("[{section}] {model} is not here.", section=engine.section, model=model)
    if hub_id:
        # It is fetched at the first start: no failure, but nothing to plan with.
        yield Item("warning", "engine", text, f"python -m bot models pull {model}")
    else:
        name = Path(model).parent.name if model.endswith(".gguf") else Path(model).name
        yield Item("failure", "engine", text, f"python -m bot models pull {name}")


def _torn(engine: PlannedEngine, looked: Looked, model: str) -> Iterator[Item]:
    _ = looked.words
    found = list(_torn_files(engine, looked, model))
    yield from found
    if found:
        return
    text = _(
        "[{section}] {model}: what memory it takes cannot be told from its config ({detail}).",
        section=engine.section,
        model=model,
        detail=engine.detail,
    )
    fix = _("Set max_concurrent and context_window yourself.")
    yield Item("warning", "memory", text, fix)


def _torn_files(engine: PlannedEngine, looked: Looked, model: str) -> Iterator[Item]:
    _ = looked.words
    path = Path(model).expanduser()
    if model == "bundled" or not path.exists():
        return
    inside = models_folder(looked.config) in path.parents
    name = path.parent.name if path.is_file() and inside else path.name
    for finding in verify(path, sums=False).findings:
        text = f"[{engine.section}] {wording.finding_words(finding, _)}"
        yield Item("failure", "engine", text, wording.mending_words(finding, name, _))


def _packages(engine: PlannedEngine, looked: Looked) -> Iterator[Item]:
    _ = looked.words
    needed = dict.fromkeys(("torch", "transformers", "accelerate"), "local")
    if engine.kind != "transformers":
        needed = {"xllamacpp": ""}
    elif engine.settings.quantization != "none":
        needed["bitsandbytes"] = "quantized"
    for package, extra in needed.items():
        if importlib.util.find_spec(package) is None:
            text = _(
                "[{section}] needs the package {package}.", section=engine.section, package=package
            )
            fix = f'pip install "lorekeeper[{extra}]"' if extra else f"pip install {package}"
            yield Item("failure", "engine", text, fix)
            return


def _embedder(looked: Looked) -> Iterator[Item]:
    from knowledge_base.embedders.bundled import runs_here

    _ = looked.words
    settings = looked.config.embedding
    if settings.kind == "openai" or settings.base_url:
        yield Item("ok", "embedding", _("[embedding] asks {host}.", host=settings.base_url or ""))
    elif settings.model not in (None, "bundled"):
        if importlib.util.find_spec("sentence_transformers") is None:
            text = _(
                "[{section}] needs the package {package}.",
                section="embedding",
                package="sentence-transformers",
            )
            yield Item("failure", "embedding", text, 'pip install "lorekeeper[local]"')
        elif looked.plan.embedder_moved:
            text = _("The embedding model leaves the card to answers and runs on the processor.")
            yield Item("warning", "embedding", text)
        else:
            yield Item(
                "ok",
                "embedding",
                _("[embedding] runs {model} in this process.", model=settings.model),
            )
    elif runs_here():
        yield Item("ok", "embedding", _("[embedding] runs the bundled model, in both languages."))
    else:
        text = _("The bundled embedding model cannot run here: search is by words alone.")
        yield Item(
            "warning", "embedding", text, '[embedding] kind = "sentence_transformers" or "openai"'
        )


LOOKS: Final[tuple[Look, ...]] = (_configuration, _data, _device, _embedder, _engines)
"""In the order in which they are told."""


def _say_plan(engine: PlannedEngine, _: Words) -> None:
    made = engine.plan
    if made is None:
        return
    output.say()
    output.say(
        _(
            "Memory plan of [{section}], on {device}: {used} of {budget}",
            section=engine.section,
            device=made.device.name,
            used=wording.gib_words(made.used),
            budget=wording.gib_words(made.budget),
        )
    )
    rows = [(wording.part_words(part, _), wording.gib_words(size)) for part, size in made.parts]
    rows += [(wording.part_words(part, _), _("on the processor")) for part in made.displaced]
    output.table(rows, (_("part"), _("memory")))
    output.say(
        _(
            "{slots} answers at once, of {context} tokens each with question and passages; "
            "{slot} for one.",
            slots=made.slots,
            context=made.context,
            slot=wording.gib_words(made.slot_bytes),
        )
    )
    if made.wanted_slots is not None and made.slots < made.wanted_slots:
        output.say(_("{count} at once were asked for: they do not fit.", count=made.wanted_slots))


def _plan_values(engine: PlannedEngine) -> dict[str, object]:
    made = engine.plan
    if made is None:
        return {}
    sizes = {part.value: size for part, size in made.parts}
    return {
        "subject": "plan",
        "section": engine.section,
        "device": made.device.name,
        "budget_bytes": made.budget,
        **{f"{part.value}_bytes": sizes.get(part.value, 0) for part in Part},
        "displaced": [part.value for part in made.displaced],
        "slots": made.slots,
        "context": made.context,
        "fits": made.fits,
    }
