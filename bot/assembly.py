"""The core put together: who answers, who may, what buttons do, and what holds where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from bot.letting_go import Step, steps
from bot.settings import Config
from core.access import Access
from core.actions import Actions, Judge
from core.admission import Admission
from core.admission_rows import Admissions
from core.agreeing import Agreeing, Embedding
from core.allowances import Allowances
from core.assistant import Assistant
from core.belonging import Belonging
from core.bindings import Bindings
from core.channels import Channels
from core.chat import Chat
from core.clocks import SteadyClock
from core.commands.base import Resources
from core.completing import Completions
from core.confirmations import Confirmations
from core.cron import zone_named
from core.database import Database
from core.digest import Digests, Readers
from core.dispatcher import Dispatcher
from core.distance import host_of, place_of
from core.engines.choice import EngineChoice
from core.envoy import Envoy
from core.errors import DeliveryError
from core.events import Asked, ChannelRef, IncomingMessage, MemberRef, Platform
from core.exporting import Exporting
from core.feedback import Feedback
from core.forgetting import Forgetting
from core.form_prompts import FormPrompts
from core.forms import OpenForms
from core.gaps import Gaps
from core.gate import Gate
from core.history import History
from core.hooks import Hooks
from core.jobs import JobRows
from core.knowledge import Knowledge
from core.limiting import Limiting
from core.metering import metered
from core.meters import UNMEASURED, Meters
from core.moderation import Moderation
from core.moves import Moves
from core.opening import FormOpening
from core.own_data import OwnData
from core.pacer import Pacer, Pacers
from core.permissions import Level, Rules
from core.ports import Outbox, Refetched
from core.pressing import KINDS, Pressing
from core.private_roles import PrivateRoles
from core.prompts import Prompts
from core.retelling import Retelling
from core.reviews import Reviews
from core.settings import Disclosure
from core.sharing import Sharing
from core.sightings import Sightings
from core.speaking import Documents, Speaking
from core.spend import Spending
from core.summaries import Summaries
from core.summarising import Summarising
from core.taught import TaughtMessages
from core.team import Team
from core.team_answers import TeamAnswers
from core.treasurer import Treasurer
from core.unasked import Reserve
from core.welcoming import Welcoming
from core.whole.answering import Means, Whole
from core.whole.kept import KeptSummaries
from knowledge_base.library import Library

Refetch: TypeAlias = Callable[[IncomingMessage], Awaitable[Refetched]]

_READING_SHARE = 0.7
"""Of the longest time of a reply, for reading documents through."""
_ADMIT = "admit"
"""The beginning of what owners press to let a place in."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What the core is made of."""

    library: Library
    database: Database
    engines: EngineChoice
    meters: Meters = UNMEASURED
    spending: Spending | None = None


@dataclass(frozen=True, slots=True)
class Core:
    """What surfaces and operators' tools need of the core."""

    dispatcher: Dispatcher
    resources: Resources
    """What commands work with; the console does the same things by other ways."""
    completions: Completions
    forms: FormOpening
    admission: Admission
    envoy: Envoy
    pacers: Pacers
    summarising: Summarising
    digests: Digests
    letting_go: tuple[Step, ...]
    """What lets go of what was kept for its time."""


async def assemble(
    config: Config,
    rules: Rules,
    stores: Stores,
    outboxes: dict[Platform, Outbox],
    refetch: Refetch,
) -> Core:
    """Outboxes are put in as their platforms connect."""
    roles = PrivateRoles(Sightings(stores.database), outboxes, (rules.blocked, rules.allowed))
    rules = replace(rules, roles_of=roles.of)
    places = await _Places.of(config, rules, stores, outboxes)

    async def admits(asked: Asked) -> bool:
        await roles.learn(asked)
        return not places.limiting.is_silenced(asked) and await places.gate.admits(asked)

    if stores.spending is not None:
        stores.spending.tells(Treasurer(places.moderation.envoy).tell)
    embedding = embedding_of(config)
    history = History(stores.database, group_minutes=config.chat.group_history_minutes)
    summarising = Summarising(
        Summaries(stores.database), places.channels, stores.engines, config.chat
    )
    folder = config.chat.prompt_folder
    chat = Chat(
        Knowledge(
            stores.library,
            places.access,
            places.channels,
            config.knowledge.limits.max_file_mb,
            reads_pictures=stores.library.reads_pictures,
            embedding=embedding,
            agreeing=Agreeing(stores.database, places.channels, embedding),
            rewords=config.retrieval.reword,
            summarising=summarising,
            whole=_whole(config, stores, places.access),
        ),
        stores.engines,
        history,
        Prompts(Path(folder) if folder else None),
        config.chat,
        config.engine.max_answer_tokens,
    )
    reviews = Reviews(stores.database, config.data_dir / "reviews")

    async def chat_with(member: MemberRef) -> ChannelRef | None:
        outbox = outboxes.get(member.platform)
        try:
            return None if outbox is None else (await outbox.direct(member.user_id)).channel
        except DeliveryError:
            return None

    own_data = OwnData(
        Exporting(stores.database, stores.library, reviews),
        Forgetting(stores.database, stores.library, places.channels, reviews, chat_with),
        places.moderation.envoy,
    )
    resources = Resources(
        stores.library,
        stores.engines,
        history,
        chat.answer,
        places.access,
        places.channels,
        places.sightings,
        places.sharing,
        Confirmations(stores.database),
        reviews,
        TaughtMessages(stores.database),
        OpenForms(stores.database),
        places.moderation,
        Gaps(stores.database, stores.library),
        TeamAnswers(stores.database, outboxes, places.pacers),
        own_data,
        places.limiting,
        disclosure_of(config),
        config.knowledge.limits.max_file_mb,
        stores.spending,
        JobRows(stores.database),
        Feedback(stores.database),
        config.chat.passages,
    )
    await resources.reviews.sweep()
    pacers = places.pacers

    def pacer_of(event: Asked) -> Pacer:
        channel = event.conversation.channel
        return pacers.of(channel, event.kind, outboxes[channel.platform].capabilities)

    prompts = FormPrompts(resources.forms, outboxes, pacer_of)
    assistant = Assistant(resources, rules, config.chat.language, places.sightings, prompts)
    places.admission.greets_with(Welcoming(assistant.reply, places.moderation.envoy).welcome)
    pressing = Pressing(assistant.reply, outboxes, pacer_of, words_of=assistant.words)
    actions = Actions(
        stores.database,
        stores.library,
        outboxes,
        Judge(places.access.scope_of, assistant.level, assistant.words, places.gate.silence),
        {_ADMIT: places.admission.pressed, **dict.fromkeys(KINDS, pressing.pressed)},
        Team(stores.database, places.channels, outboxes, pacers),
    )
    retelling = Retelling(stores.library, resources.taught, outboxes)
    dispatcher = Dispatcher(
        metered(assistant.reply, stores.meters),
        outboxes,
        stores.database,
        config.dispatcher,
        hooks=Hooks(
            words=assistant.words,
            is_immediate=assistant.is_immediate,
            moderates=lambda event: assistant.level(event) >= Level.MODERATOR,
            action=actions.pressed,
            migrated=places.moves.migrated,
            membership=places.admission.membership,
            admits=admits,
            ambient=places.gate.taught,
            changed=retelling.changed,
            taught=retelling.known,
            refetch=refetch,
            speaking=Speaking(
                Documents(stores.library, places.access, places.channels, embedding.place),
                places.admission,
                rules,
                Reserve(stores.database),
                config.speaking,
            ),
            pacers=pacers,
        ),
        clock=SteadyClock(),
    )
    completions = Completions(
        stores.library,
        stores.engines,
        places.access,
        places.sharing,
        assistant.level,
        lambda message: places.channels.of(message).place,
    )
    completions.jobs = resources.jobs
    forms = FormOpening(assistant, admits)
    await own_data.forgetting.finish()
    envoy = places.moderation.envoy
    digests = Digests(
        stores.database,
        stores.library,
        Readers(
            places.channels,
            places.sightings,
            places.moderation.boards,
            envoy,
            places.admission.serves,
        ),
        embedding.place,
        zone_named(config.jobs.time_zone),
    )
    letting_go = steps(
        config, stores.library, stores.database, places.channels, own_data.forgetting
    )
    return Core(
        dispatcher,
        resources,
        completions,
        forms,
        places.admission,
        envoy,
        pacers,
        summarising,
        digests,
        letting_go,
    )


def _whole(config: Config, stores: Stores, access: Access) -> Whole:
    """Reading ends in time for the answer to be made of what was read."""
    return Whole(
        Means(
            stores.library,
            access,
            KeptSummaries(stores.database, stores.library),
            config.chat,
            config.engine.max_answer_tokens,
            config.knowledge.limits.max_file_mb,
            _READING_SHARE * config.dispatcher.reply_seconds,
        )
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """What holds where, and who may see what."""

    channels: Channels
    sightings: Sightings
    access: Access
    sharing: Sharing
    admission: Admission
    gate: Gate
    moves: Moves
    moderation: Moderation
    limiting: Limiting
    pacers: Pacers

    @classmethod
    async def of(
        cls, config: Config, rules: Rules, stores: Stores, outboxes: dict[Platform, Outbox]
    ) -> _Places:
        database, library = stores.database, stores.library
        channels, sightings = Channels(database), Sightings(database)
        bindings = Bindings(database)
        reviews, taught = Reviews(database, config.data_dir / "reviews"), TaughtMessages(database)

        answers = TeamAnswers(database, outboxes)

        async def renamed(old: str, new: str) -> None:
            await reviews.renamed(old, new)
            await taught.renamed(old, new)
            await answers.renamed(old, new)

        moves = Moves(database, library, bindings, channels, renamed)
        await moves.finish()
        access = Access(library, channels, sightings, bindings, outboxes, rules)
        language = "en" if config.chat.language == "auto" else config.chat.language
        pacers = Pacers()
        envoy = Envoy(outboxes, rules.owners, language, pacers)
        moderation = Moderation.over(
            database, config.data_dir / "reviews", channels, outboxes, envoy, rules
        )
        admission = Admission(
            Admissions(database),
            sightings,
            Belonging(sightings, outboxes),
            envoy,
            config.admission,
            moderation.audit,
        )
        return cls(
            channels,
            sightings,
            access,
            Sharing(library, access, sightings, bindings, outboxes, rules),
            admission,
            Gate(admission, channels, sightings, rules, envoy),
            moves,
            moderation,
            Limiting(Allowances(database, config.limits, config.data_dir), envoy, channels, rules),
            pacers,
        )


def embedding_of(config: Config) -> Embedding:
    """Where questions and documents are embedded."""
    return Embedding(*config.embedder_at)


def disclosure_of(config: Config) -> Disclosure:
    """What leaves this machine, as configured."""
    hosts = {}
    for engine in (config.engine, *config.engines.values()):
        remote = engine.kind in ("auto", "openai")
        if remote and place_of(engine.place, engine.addresses) != "local":
            name = engine.name or engine.model or "openai"
            hosts[name] = ", ".join(dict.fromkeys(map(host_of, engine.addresses)))
    return Disclosure(
        operator=config.operator,
        engine_hosts=hosts,
        embedder_host=embedding_of(config).host,
        embedder_place=embedding_of(config).place,
        kept=config.privacy,
        summarises=bool(config.chat.summary_tokens and config.chat.history_turns),
    )
