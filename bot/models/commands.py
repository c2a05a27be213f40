"""What the `models` commands do: printed, as text or as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot import output
from bot.errors import ConfigError, Problem
from bot.machine import Machine, look, ram_bandwidth
from bot.models import wording
from bot.models.applying import apply
from bot.models.catalogue import catalogue, find
from bot.models.installed import (
    Installed,
    Pull,
    installed,
    models_folder,
    opened,
    wanted,
)
from bot.models.installed import (
    remove as remove_model,
)
from bot.models.recommendation import Aim, Choice, Suitable, choices, suitable
from bot.models.verification import Verified
from bot.models.verification import verify as verify_model
from bot.progress import BytesBar
from bot.settings import Config
from bot.wording import own_words
from core.counts import cores_of
from core.language import Words


@dataclass(frozen=True, slots=True)
class Recommending:
    """What a person asks of `recommend`."""

    aim: Aim | None = None
    """Of the choice that is to be configured."""
    languages: tuple[str, ...] = ("en", "zh")


async def show(config: Config, as_json: bool) -> int:
    """What is recommended, and what is here."""
    _ = own_words(config)
    here = {one.name: one for one in await asyncio.to_thread(installed, models_folder(config))}
    for name in sorted({model.name for model in catalogue()} | set(here)):
        model, own = find(name), here.get(name)
        if as_json:
            output.emit(
                {
                    "name": name,
                    "installed": str(own.path) if own else None,
                    "size_bytes": own.size if own else model.size_bytes if model else None,
                    "engine": model.engine if model else None,
                    "licence": model.licence if model else None,
                    "languages": list(model.languages) if model else None,
                    "context": model.context if model else None,
                    "images": model.sees if model else None,
                }
            )
    if not as_json:
        _tables(here, _)
    return 0


def _tables(here: dict[str, Installed], _: Words) -> None:
    rows = [
        (
            model.name,
            wording.size_words(model.size_bytes),
            model.engine,
            model.licence,
            wording.language_words(model.languages, _),
            f"{model.context // 1024}k",
            "✓" if model.sees else "",
            "✓" if model.name in here else "",
        )
        for model in catalogue()
    ]
    titles = (
        _("name"), _("size"), _("engine"), _("licence"), _("languages"), _("context"),
        _("pictures"), _("here"),
    )  # fmt: skip
    output.table(rows, titles)
    others = [one for name, one in here.items() if find(name) is None]
    if others:
        output.say()
        rows_here = [(one.name, wording.size_words(one.size), str(one.path)) for one in others]
        output.table(rows_here, (_("also here"), _("size"), _("path")))


async def recommend(config: Config, request: Recommending, path: Path | None, as_json: bool) -> int:
    """Three choices; with an aim, that one goes into the configuration file at `path`."""
    _ = own_words(config)
    machine = await asyncio.to_thread(look)
    found = await asyncio.to_thread(suitable, catalogue(), machine, ram_bandwidth)
    made = choices(found, request.languages)
    if as_json:
        for choice in made:
            output.emit(_as_json(choice))
    else:
        _say_machine(machine, _)
        _say_choices(made, _)
    if not made:
        output.tell(
            _(
                "No model of the list fits into this memory. A server elsewhere does: see "
                "docs/models.md."
            )
        )
        return 1
    if request.aim is None:
        return 0
    chosen = next((one for one in made if one.aim == request.aim), made[-1])
    return await asyncio.to_thread(_applied, config, chosen, path or Path("config.toml"), _)


def _say_machine(machine: Machine, _: Words) -> None:
    card = machine.card
    if card is None:
        output.say(
            _(
                "No card: {cores}, {memory} of memory, {free} free.",
                cores=cores_of(machine.cores, _),
                memory=wording.gib_words(machine.ram.total_bytes),
                free=wording.gib_words(machine.ram.free_bytes),
            )
        )
    else:
        output.say(
            _(
                "{card}: {memory}, {free} free.",
                card=card.device.name,
                memory=wording.gib_words(card.device.total_bytes),
                free=wording.gib_words(card.device.free_bytes),
            )
        )
        if not card.by_torch and not card.by_llama:
            output.say(_("No installed package computes on it: see docs/models.md, section Cards."))
    output.say()


def _say_choices(made: Sequence[Choice], _: Words) -> None:
    rows = [
        (
            wording.aim_words(choice.aim, _),
            choice.suitable.model.name,
            wording.size_words(choice.suitable.model.size_bytes),
            choice.suitable.model.licence,
            wording.language_words(choice.suitable.model.languages, _),
            _("about {count}", count=_rounded(choice.suitable.tokens_a_second)),
            str(choice.suitable.plan.slots),
            choice.suitable.plan.device.name,
        )
        for choice in made
    ]
    titles = (
        _("good for"), _("model"), _("size"), _("licence"), _("languages"), _("words a second"),
        _("members at once"), _("runs on"),
    )  # fmt: skip
    output.table(rows, titles)
    if rows:
        output.say()
        output.say(
            _(
                "Words (tokens) a second are for one reader, estimated from how fast the memory "
                "is read."
            )
        )
        output.say(
            _(
                "`python -m bot models pull NAME` fetches one, `models recommend --apply quality` "
                "configures it."
            )
        )


def _rounded(speed: float) -> int:
    step = 10 if speed >= 50 else 5 if speed >= 20 else 1
    return max(1, round(speed / step) * step)


def _as_json(choice: Choice) -> dict[str, object]:
    one: Suitable = choice.suitable
    return {
        "for": choice.aim,
        "name": one.model.name,
        "engine": one.model.engine,
        "size_bytes": one.model.size_bytes,
        "licence": one.model.licence,
        "languages": list(one.model.languages),
        "estimated_tokens_per_second": round(one.tokens_a_second, 1),
        "members_at_once": one.plan.slots,
        "context": one.plan.context,
        "device": one.plan.device.name,
    }


def _applied(config: Config, choice: Choice, path: Path, _: Words) -> int:
    model = choice.suitable.model
    here = {one.name: one for one in installed(models_folder(config))}
    folder = models_folder(config) / model.name
    expected = folder / model.files[0] if model.engine == "llama_cpp" else folder
    place = here[model.name].path if model.name in here else expected
    try:
        copy = apply(path, model.engine, str(place), datetime.now(UTC))
    except OSError as error:
        text = _("the file cannot be written: {reason}", reason=str(error.strerror))
        raise ConfigError(Problem(str(path), None, "", text)) from error
    output.say()
    output.say(_("{file} now names {model}.", file=str(path), model=model.name))
    if copy is not None:
        output.say(_("As it was before, it is kept as {file}.", file=str(copy)))
    if model.name not in here:
        output.say(_("Fetch it: python -m bot models pull {name}", name=model.name))
    return 0


async def pull(config: Config, name: str, source: str | None, images: bool, as_json: bool) -> int:
    """Fetch a model; a run that was broken off is gone on with."""
    _ = own_words(config)
    chosen = source or config.models.source
    kind = chosen if chosen in ("huggingface", "modelscope") else "folder"
    model = wanted(name, kind)
    async with opened(config, chosen) as (place, client):
        with BytesBar(model.name, quiet=as_json) as bar:
            made = await Pull(place, client, models_folder(config)).run(
                model, images=images, total=bar.total, progress=bar.show
            )
    checked = await asyncio.to_thread(verify_model, made.path, sums=False)
    section, engine = "engine", "transformers"
    if made.embeds:
        section, engine = "embedding", "sentence_transformers"
    elif made.path.suffix == ".gguf":
        engine = "llama_cpp"
    if as_json:
        output.emit(
            {"name": made.name, "path": str(made.path), "size_bytes": made.size, "engine": engine}
        )
    else:
        output.say(
            _(
                "{name} is here, {size}, its checksums are right.",
                name=made.name,
                size=wording.size_words(made.size),
            )
        )
        output.say(f'[{section}]\nkind = "{engine}"\nmodel = "{made.configured_as}"')
    return _say_findings(checked, made.name, _, as_json=False) if checked.findings else 0


async def verify(config: Config, path: Path | None, as_json: bool) -> int:
    """One folder or file, or all that lie in the folder of models."""
    _ = own_words(config)
    folder = models_folder(config)
    places = await asyncio.to_thread(_places, folder, path)
    if not places:
        output.tell(_("There are no models in the folder of models."))
    code = 0
    for place in places:
        found = await asyncio.to_thread(verify_model, place)
        code |= _say_findings(found, place.name, _, as_json=as_json)
    return code


def _places(folder: Path, path: Path | None) -> list[Path]:
    """A path, or the name of one in the folder of models; without, all that lie there."""
    if path is not None:
        return [path if path.exists() or not (folder / path).exists() else folder / path]
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _say_findings(found: Verified, name: str, _: Words, *, as_json: bool) -> int:
    if as_json:
        troubles = [
            {
                "file": one.file,
                "trouble": one.trouble,
                "detail": one.detail,
                "text": wording.finding_words(one, _),
                "fix": wording.mending_words(one, name, _),
            }
            for one in found.findings
        ]
        output.emit(
            {
                "path": str(found.path),
                "ok": not troubles,
                "checksums": found.sums,
                "findings": troubles,
            }
        )
        return 1 if troubles else 0
    if not found.findings:
        checked = (
            _("whole, checksums as fetched")
            if found.sums
            else _("whole; there are no checksums to compare")
        )
        output.say("✓ " + _("{name}: {text}", name=name, text=checked))
        return 0
    for finding in found.findings:
        trouble = wording.finding_words(finding, _)
        output.say("✗ " + _("{name}: {text}", name=name, text=trouble))
        output.say(f"  → {wording.mending_words(finding, name, _)}")
    return 1


async def remove(config: Config, name: str, as_json: bool) -> int:
    """Take one from the disk."""
    _ = own_words(config)
    size = await asyncio.to_thread(remove_model, config, name)
    if as_json:
        output.emit({"removed": name, "size_bytes": size})
    else:
        output.say(
            _("{name} is removed: {size} are free again.", name=name, size=wording.size_words(size))
        )
    return 0
