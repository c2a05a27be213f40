"""What there is to compute with."""

from __future__ import annotations

from collections.abc import Iterator

from bot.checking.items import Item, Local, Looked
from bot.models import wording
from core.counts import cores_of


async def look(looked: Looked) -> list[Item]:
    """Cores, memory, a card and who can compute on it."""
    return list(_found(looked, await looked.local()))


def _found(looked: Looked, local: Local) -> Iterator[Item]:
    _ = looked.words
    ram, card = local.machine.ram, local.machine.card
    yield Item(
        "ok",
        "device",
        _(
            "{cores}, {total} of memory, {free} free.",
            cores=cores_of(local.machine.cores, _),
            total=wording.gib_words(ram.total_bytes),
            free=wording.gib_words(ram.free_bytes),
        ),
    )
    if card is None:
        wants = [e for e in local.plan.engines if e.settings.device == "cuda"]
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
    kinds = {engine.kind for engine in local.plan.engines}
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
