"""Settings of the core, declared beside their users and composed by `bot.config`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.distance import EnginePlace


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Which engine answers, and how much it may take on at once."""

    kind: Literal["auto", "extractive", "llama_cpp", "transformers", "openai"] = "auto"
    model: str | None = None
    """"bundled", a hub id, a folder or a .gguf file; for `openai` the model's name there."""
    base_url: str | None = None
    base_urls: tuple[str, ...] = ()
    """Servers of one and the same model, which share the questions; read through `addresses`."""
    api_key: str | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)
    """Overrides `network.proxy`; "direct": none."""
    threads: int | None = None
    context_window: int | None = None
    max_concurrent: int | None = None
    """Slots; None: as many as the engine serves at once."""
    max_waiting: int = 200
    max_waiting_per_member: int = 2
    max_waiting_per_channel: int = 30
    request_timeout_seconds: float = 120.0
    max_answer_tokens: int = 800
    accepts_images: bool = False
    """The model of an `openai` server sees pictures: the server does not say so itself."""
    image_projector: str | None = None
    """For `llama_cpp`: the .gguf file that lets the model see pictures (mmproj)."""
    device: Literal["auto", "cuda", "cpu"] = "auto"
    """Where `transformers` computes; auto: on a CUDA card where there is one."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    quantization: Literal["none", "8bit", "4bit"] = "none"
    gpu_layers: int | None = None
    """For `llama_cpp`: layers on the card; None: as many as it holds."""
    cache_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    """For `llama_cpp`: how the context of slots is kept."""
    prompt_cache_mb: int = 512
    """For `llama_cpp`: memory for what was read of prompts whose slot others took; 0: none."""
    chat_template: str | None = None
    """Of a model that ships none: a file with a Jinja template, or the name of one of ours."""
    memory_share: float | None = None
    """Of the card's memory, what this process may take; None: what is free."""
    place: Literal["auto", "local", "own", "outside"] = "auto"
    """Whose machine it computes on; auto: by its addresses."""
    offered: bool = True
    """Whether channels can pick it."""
    fallbacks: tuple[str, ...] | None = None
    """Who answers where this one does not, in order; None: the other engines as they are named."""
    idle_unload_minutes: float = 0.0
    """A model in this process that nobody asked for so long gives its memory back; 0: never."""
    health_seconds: float = 30.0
    """Between two looks whether a server is there."""
    input_price: float = 0.0
    """For a million tokens that it reads, in whatever currency the caps are."""
    output_price: float = 0.0
    """For a million tokens that it writes."""
    daily_cap: float | None = None
    monthly_cap: float | None = None
    name: str | None = None
    """Of `[engines.NAME]`: what people call it; None: the model's own name."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its servers, each once."""
        return tuple(dict.fromkeys(filter(None, (self.base_url, *self.base_urls))))


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """How a question is answered."""

    passages: int = 5
    history_turns: int = 12
    group_history_minutes: int = 30
    summary_tokens: int = 300
    """Of a summary of earlier turns in a private chat or thread; 0: there are none."""
    summary_tokens_hourly: int = 30_000
    """Read and written for summaries within an hour, of all conversations together."""
    reading_parts: int = 12
    """Of documents that are read through, for one question; 0: no model reads any."""
    reword_seconds: float = 1.5
    """How long an engine may take to put a follow-up so that it stands alone; 0: none is asked."""
    prompt_folder: str | None = None
    """A folder of the operator's own `answer.<language>.jinja`; None: ours."""
    language: Literal["auto", "en", "zh"] = "auto"
    """Of interface strings, where neither the channel nor the platform says."""
    max_pictures: int = 4
    """With one question; a model that does not see is shown none."""
    max_picture_mb: int = 20
    allowed_links: tuple[str, ...] = ()
    """Hosts and addresses that answers may lead to besides those in sources and questions."""


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """How long what people wrote is kept, in days."""

    history_days: float = 30
    """Questions and answers."""
    feedback_days: float = 180
    """What people thought of answers, and what the helpers were asked."""
    audit_days: float = 365
    """Who did what with a channel's documents and settings."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What a member may take, so that everybody gets some; 0: no limit. Moderators are exempt."""

    questions: int = 6
    """Within `question_minutes`."""
    question_minutes: float = 5
    daily_questions: int = 60
    daily_uploads: int = 20
    daily_upload_mb: int = 100
    base_documents: int = 2000
    """Of one base, also for moderators."""
    base_mb: int = 1024
    min_free_disk_percent: float = 5
    """Nothing more is learnt where less of the disk is free."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What `/privacy` tells of the configuration: who runs the bot, and what leaves the machine."""

    operator: str = ""
    """Who runs it, and how to reach them; empty: not said."""
    engine_hosts: Mapping[str, str] = field(default_factory=dict)
    """Engines that run elsewhere: their name to their host."""
    embedder_host: str = ""
    """Where documents and questions are embedded, if elsewhere."""
    embedder_place: EnginePlace = "local"
    kept: PrivacySettings = field(default_factory=PrivacySettings)
    summarises: bool = True
    """Whether long conversations are summed up."""


@dataclass(frozen=True, slots=True)
class DispatcherSettings:
    """How events become replies."""

    grace_seconds: float = 8.0
    """How long a stop waits for replies in flight."""
    reply_seconds: float = 600.0
    """Longest time one reply may take in all."""
    answer_missed_minutes: int = 60
    """Messages older than this are not answered after a restart."""
    edit_window_minutes: int = 15
    """Until how long after a question its edit brings a new answer."""
    longest_answer_characters: int = 6000
    """A longer answer goes as its beginning and a file."""


@dataclass(frozen=True, slots=True)
class SpeakingSettings:
    """How reserved the bot is where a channel lets it answer what nobody asked it."""

    second_message_seconds: float = 8.0
    """So long after a question its asker may say more; each further message renews the wait."""
    relevance: float = 0.7
    """Below it nothing is said; above what a question that is asked needs."""
    thread_hourly: int = 3
    """Most such answers in one thread within an hour."""
    channel_hourly: int = 12
    """The same for a channel with all its threads."""


@dataclass(frozen=True, slots=True)
class AdmissionSettings:
    """Which servers and strangers are served."""

    policy: Literal["owner", "list", "open"] = "owner"
    servers: tuple[str, ...] = ()
    """Those that are served without asking, as "discord:42" or "telegram:-100"."""
    direct_messages: Literal["members", "owner", "open"] = "members"
