"""The memory plan of an engine, told."""

from __future__ import annotations

from bot import output
from bot.models import wording
from bot.planning import PlannedEngine
from core.counts import answers_at_once
from core.engines.memory import Part
from core.language import Words


def say_plan(engine: PlannedEngine, _: Words) -> None:
    """Its parts as a table, and what follows from them."""
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
            "{slots}, of {context} tokens each with question and passages; {slot} for one.",
            slots=answers_at_once(made.slots, _),
            context=made.context,
            slot=wording.gib_words(made.slot_bytes),
        )
    )
    if made.wanted_slots is not None and made.slots < made.wanted_slots:
        output.say(_("{count} at once were asked for: they do not fit.", count=made.wanted_slots))


def plan_values(engine: PlannedEngine) -> dict[str, object]:
    """The same for programs; nothing where there is no plan."""
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
