"""The settings as a whole: the sections of core and knowledge base, and the surfaces' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from core.distance import EnginePlace, host_of, place_of
from core.language import Later
from core.settings import (
    AdmissionSettings,
    ChatSettings,
    DispatcherSettings,
    EngineSettings,
    LimitSettings,
    PrivacySettings,
    SpeakingSettings,
)
from knowledge_base.settings import EmbeddingSettings, KnowledgeSettings, RetrievalSettings

SAMPLES = Path(__file__).resolve().parent.parent / "knowledge_base" / "samples"


@dataclass(frozen=True, slots=True)
class DiscordSettings:
    """Discord; off without a token."""

    token: SecretStr | None = None
    message_content: bool = False
    api_base_url: str = "https://discord.com/api/v10"
    proxy: str | None = field(default=None, repr=False)
    """Overrides `network.proxy`; "direct": none."""
    edit_interval_seconds: float = 1.25
    """Between two edits in one channel: Discord takes about five messages in five seconds."""


@dataclass(frozen=True, slots=True)
class TelegramSettings:
    """Telegram; off without a token."""

    token: SecretStr | None = None
    api_base_url: str = "https://api.telegram.org/bot"
    file_base_url: str = "https://api.telegram.org/file/bot"
    group_messages_per_minute: int = 20
    group_minute_seconds: float = 60.0
    """How long that minute lasts; shorter only where a server of one's own counts so."""
    local_mode: bool = False
    """The two addresses are a Bot API server of one's own, which has no limit of 20 MB."""
    webhook_url: str | None = None
    """Where Telegram is to push updates, an https address; without one, they are fetched."""
    webhook_host: str = "127.0.0.1"
    webhook_port: int = 8443
    webhook_secret: SecretStr | None = None
    """What pushes have to name, else they are refused; if not given, made anew at each start."""
    proxy: str | None = field(default=None, repr=False)
    """Overrides `network.proxy`; "direct": none."""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The web console."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 7860
    username: str = "operator"
    password: SecretStr | None = None
    """Needed where `host` is not a loopback address; where it is set, everybody logs in."""
    metrics_token: SecretStr | None = None
    """Who sends it may read `/metrics` from anywhere; without one, only this machine may."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The OpenAI-compatible API, on the web console's server; nothing is answered without a key."""

    enabled: bool = True
    requests_per_minute: int = 120
    """Of a key that was made without a rate of its own."""
    max_body_mb: int = 24


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How the outside is reached."""

    proxy: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ModelsSettings:
    """Where models are fetched from, and where they are kept."""

    source: Literal["huggingface", "modelscope"] = "huggingface"
    endpoint: str | None = None
    """A mirror of the source; None: the source itself."""
    token: SecretStr | None = None
    """For models that are given to those who agreed to something."""
    proxy: str | None = field(default=None, repr=False)
    """Overrides `network.proxy`; "direct": none."""
    folder: Path | None = None
    """None: `models` below the data directory."""


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """Backups of the data directory."""

    folder: Path | None = None
    """None: `backups` below the data directory."""
    keep: int = 7


@dataclass(frozen=True, slots=True)
class JobSettings:
    """When work comes round: as cron says, "" for never by itself."""

    time_zone: str = ""
    """Such as "Asia/Shanghai"; empty: this machine's."""
    grace_hours: float = 168.0
    """A run that was missed is made up for unless it is later than that."""
    snapshots: str = "*/10 * * * *"
    retention: str = "30 3 * * *"
    integrity: str = "30 4 * * 0"
    folders: str = "0 * * * *"
    backup: str = "0 2 * * *"
    """By itself only where `backup.folder` is set."""
    digest: str = "*/15 * * * *"
    """How often is looked whether a channel's digest is due; the day is the channel's choice."""
    golden: str = ""
    """When golden questions are asked; they cost what 80 answers cost."""
    golden_file: Path | None = None
    """None: those over the samples."""
    golden_base: str = ""
    """Where `golden_file` is asked; empty: `shared`."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything an operator can set; each part gets its own section, never the whole."""

    data_dir: Path = Path("data")
    owners: tuple[str, ...] = ()
    operator: str = ""
    """Who runs it and how to reach them, told by `/privacy`."""
    blocked: tuple[str, ...] = ()
    """People and places that get no answer, see `core.permissions.listed`."""
    allowed: tuple[str, ...] = ()
    """Where there are some, nobody else and no other place is served."""
    engine: EngineSettings = field(default_factory=EngineSettings)
    engines: Mapping[str, EngineSettings] = field(default_factory=dict)
    """By name, as `[engines.NAME]`; `[engine]` holds what they have in common."""
    chat: ChatSettings = field(default_factory=ChatSettings)
    dispatcher: DispatcherSettings = field(default_factory=DispatcherSettings)
    speaking: SpeakingSettings = field(default_factory=SpeakingSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    embedding: EmbeddingSettings = field(default_factory=EmbeddingSettings)
    knowledge: KnowledgeSettings = field(default_factory=KnowledgeSettings)
    retrieval: RetrievalSettings = field(default_factory=RetrievalSettings)
    folders: Mapping[str, Path] = field(default_factory=lambda: {"samples": SAMPLES})
    """Base name to the folder that it follows; written as `knowledge.folders`."""
    discord: DiscordSettings = field(default_factory=DiscordSettings)
    telegram: TelegramSettings = field(default_factory=TelegramSettings)
    admission: AdmissionSettings = field(default_factory=AdmissionSettings)
    web: WebSettings = field(default_factory=WebSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    models: ModelsSettings = field(default_factory=ModelsSettings)
    jobs: JobSettings = field(default_factory=JobSettings)
    backup: BackupSettings = field(default_factory=BackupSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    remarks: tuple[Later, ...] = ()
    """Things that are allowed but worth a line in the log."""
    reranker_device: Literal["auto", "cpu"] = "auto"
    """No key: "cpu" where the memory plan leaves the card to answers; else as the embedder's."""

    @property
    def embedder_at(self) -> tuple[EnginePlace, str]:
        """Where questions and documents are embedded, and at which host if not on this machine."""
        settings = self.embedding
        if settings.kind not in ("auto", "openai") or not settings.base_url:
            return "local", ""
        place = place_of(settings.place, [settings.base_url])
        return place, "" if place == "local" else host_of(settings.base_url)
