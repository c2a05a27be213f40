"""Keys and values of the configuration: which there are, where each was written, what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from bot.errors import ConfigError, Problem
from bot.settings import (
    ApiSettings,
    BackupSettings,
    DiscordSettings,
    JobSettings,
    LogSettings,
    ModelsSettings,
    NetworkSettings,
    TelegramSettings,
    WebSettings,
)
from bot.toml_lines import TomlLines
from core.language import N_, Later, Told
from core.settings import (
    AdmissionSettings,
    ChatSettings,
    DispatcherSettings,
    EngineSettings,
    LimitSettings,
    PrivacySettings,
    SpeakingSettings,
)
from knowledge_base.settings import (
    EmbeddingSettings,
    KnowledgeSettings,
    PageSettings,
    ReaderLimits,
    RetrievalSettings,
)

ENV_PREFIX = "LOREKEEPER__"
NAMED = "engines"
"""The section of tables, one for each named engine."""
_ENGINE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
_TAKEN_NAMES = ("extractive", "default")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Top:
    """The keys outside all sections."""

    data_dir: Path = Path("data")
    owners: tuple[str, ...] = ()
    operator: str = ""
    blocked: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Folders:
    """Keys of [knowledge] that the knowledge base itself does not take."""

    folders: dict[str, Path] | None = None


_SECTIONS: Mapping[str, tuple[type, ...]] = {
    "": (Top,),
    "engine": (EngineSettings,),
    "chat": (ChatSettings,),
    "dispatcher": (DispatcherSettings,),
    "speaking": (SpeakingSettings,),
    "privacy": (PrivacySettings,),
    "limits": (LimitSettings,),
    "embedding": (EmbeddingSettings,),
    "knowledge": (KnowledgeSettings, ReaderLimits, PageSettings, Folders),
    "retrieval": (RetrievalSettings,),
    "discord": (DiscordSettings,),
    "telegram": (TelegramSettings,),
    "admission": (AdmissionSettings,),
    "web": (WebSettings,),
    "api": (ApiSettings,),
    "network": (NetworkSettings,),
    "models": (ModelsSettings,),
    "jobs": (JobSettings,),
    "backup": (BackupSettings,),
    "logs": (LogSettings,),
}
_DERIVED = {"chat.passages", "knowledge.limits", "knowledge.pages", "engine.name"}
"""Fields that are no keys: they follow from others."""
_SECRETS = {
    "engine.api_key",
    "embedding.api_key",
    "discord.token",
    "telegram.token",
    "telegram.webhook_secret",
    "web.password",
    "web.metrics_token",
    "models.token",
}
_DEFAULT_VARIABLES = {"discord.token": "DISCORD_TOKEN", "telegram.token": "TELEGRAM_TOKEN"}
_RANGES: Mapping[str, tuple[float, float]] = {
    "engine.threads": (1, 1024),
    "engine.context_window": (256, 10_000_000),
    "engine.prompt_cache_mb": (0, 1_000_000),
    "engine.max_concurrent": (1, 1024),
    "engine.max_waiting": (1, 1_000_000),
    "engine.max_waiting_per_member": (1, 1_000_000),
    "engine.max_waiting_per_channel": (1, 1_000_000),
    "engine.request_timeout_seconds": (0.1, 86_400),
    "engine.max_answer_tokens": (1, 1_000_000),
    "engine.idle_unload_minutes": (0, 1_000_000),
    "engine.health_seconds": (1, 86_400),
    "engine.memory_share": (0.05, 1),
    "engine.input_price": (0, 1_000_000),
    "engine.output_price": (0, 1_000_000),
    "engine.daily_cap": (0, 1_000_000_000),
    "engine.monthly_cap": (0, 1_000_000_000),
    "chat.history_turns": (0, 1000),
    "chat.group_history_minutes": (0, 10_080),
    "chat.summary_tokens": (0, 4000),
    "chat.summary_tokens_hourly": (0, 10_000_000),
    "chat.reading_parts": (0, 200),
    "chat.reword_seconds": (0, 30),
    "chat.max_pictures": (1, 8),
    "chat.max_picture_mb": (1, 1000),
    "dispatcher.grace_seconds": (0, 3600),
    "dispatcher.reply_seconds": (1, 86_400),
    "dispatcher.answer_missed_minutes": (0, 10_080),
    "dispatcher.edit_window_minutes": (0, 10_080),
    "dispatcher.longest_answer_characters": (1000, 1_000_000),
    "speaking.second_message_seconds": (0, 300),
    "speaking.relevance": (0, 1),
    "speaking.thread_hourly": (0, 1000),
    "speaking.channel_hourly": (0, 10_000),
    "backup.keep": (1, 10_000),
    "jobs.grace_hours": (0, 87_600),
    "privacy.history_days": (1, 3650),
    "privacy.feedback_days": (1, 3650),
    "privacy.audit_days": (1, 3650),
    "limits.questions": (0, 1_000_000),
    "limits.question_minutes": (0.1, 1440),
    "limits.daily_questions": (0, 1_000_000),
    "limits.daily_uploads": (0, 1_000_000),
    "limits.daily_upload_mb": (0, 1_000_000),
    "limits.base_documents": (0, 100_000_000),
    "limits.base_mb": (0, 100_000_000),
    "limits.min_free_disk_percent": (0, 90),
    "embedding.threads": (1, 1024),
    "embedding.max_tokens": (16, 1_000_000),
    "embedding.timeout_seconds": (0.1, 3600),
    "knowledge.relevance_threshold": (0, 1),
    "knowledge.passages": (1, 50),
    "knowledge.memory_budget_mb": (16, 10_000_000),
    "knowledge.busy_seconds": (0, 3600),
    "knowledge.removed_rest_days": (0, 3650),
    "knowledge.max_file_mb": (1, 100_000),
    "knowledge.max_passages_per_document": (1, 1_000_000),
    "knowledge.max_archive_mb": (1, 1_000_000),
    "knowledge.max_archive_files": (1, 1_000_000),
    "knowledge.max_archive_depth": (0, 20),
    "knowledge.max_picture_megapixels": (1, 1000),
    "knowledge.max_ocr_pages": (1, 10_000),
    "knowledge.parse_seconds": (1, 86_400),
    "knowledge.max_import_mb": (1, 10_000_000),
    "knowledge.page_seconds": (1, 3600),
    "knowledge.parse_memory_mb": (128, 1_000_000),
    "retrieval.close_look_ms": (0, 60_000),
    "retrieval.reranker_budget_ms": (1, 600_000),
    "retrieval.enrichment_tokens_hourly": (0, 100_000_000),
    "discord.edit_interval_seconds": (0, 60),
    "telegram.group_messages_per_minute": (1, 10_000),
    "telegram.group_minute_seconds": (0.1, 3600),
    "telegram.webhook_port": (1, 65_535),
    "web.port": (0, 65_535),
    "api.requests_per_minute": (1, 1_000_000),
    "api.max_body_mb": (1, 1000),
}


_WANTED: Mapping[str, str] = {
    "string_type": N_("must be text, in quotation marks"),
    "path_type": N_("must be a path, in quotation marks"),
    "int_type": N_("must be a whole number"),
    "int_parsing": N_("must be a whole number"),
    "int_from_float": N_("must be a whole number"),
    "float_type": N_("must be a number"),
    "float_parsing": N_("must be a number"),
    "bool_type": N_("must be true or false"),
    "bool_parsing": N_("must be true or false"),
    "tuple_type": N_("must be a list"),
    "dict_type": N_("must be a table"),
}
"""What a key takes, by the kind of pydantic's error."""


def _wanted(detail: ErrorDetails) -> Told:
    kind, text = detail["type"], detail["msg"]
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", text)
        return Later("must be one of {choices}", choices=lambda _: _(", ").join(choices))
    return Later(_WANTED[kind]) if kind in _WANTED else text[:1].lower() + text[1:]


def keys() -> tuple[str, ...]:
    """Every key, as `section.key`."""
    return tuple(key for section in _SECTIONS for key in _keys_of(section))


def _keys_of(section: str) -> dict[str, object]:
    """Keys of a section with their types, read off the settings that they fill."""
    found = {}
    for settings in _SECTIONS[_kind_of(section)]:
        hints = get_type_hints(settings)
        for item in fields(settings):
            key = f"{section}.{item.name}" if section else item.name
            if _plain(key) not in _DERIVED:
                found[key] = hints[item.name]
    return found


def _kind_of(section: str) -> str:
    """Each table below [engines] takes the keys of [engine]."""
    return "engine" if section.startswith(f"{NAMED}.") else section


def _plain(key: str) -> str:
    """A key of a named engine as that of [engine]: both have the same types and ranges."""
    section, _, name = key.rpartition(".")
    return f"{_kind_of(section)}.{name}" if section else name


class Values:
    """Gathers values and problems of one configuration: file first, the environment over it."""

    def __init__(self, source: Told, lines: TomlLines, environ: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self.remarks: list[Later] = []
        self.folder = Path()
        self._source = source
        self._lines = lines
        self._environ = environ
        self._variables: dict[str, str] = {}
        self._values: dict[str, object] = {}
        self.engines: list[str] = []
        """Names below [engines], in the order in which they are written."""

    def take(self, tree: Mapping[str, object], folder: Path) -> None:
        """Read all values; `folder` is where relative paths start."""
        self.folder = folder
        for name, value in tree.items():
            if name == NAMED:
                self._take_engines(value)
            elif isinstance(value, dict) and name in _SECTIONS:
                for key, below in value.items():
                    self._written(f"{name}.{key}", below)
            elif name in _SECTIONS:
                text = Later("is a section: write [{name}] and its keys below it", name=name)
                self._problem(name, text)
            else:
                self._written(name, value)
        for variable in sorted(self._environ):
            if variable.upper().startswith(ENV_PREFIX):
                self._overridden(variable, self._environ[variable])
        for key, variable in _DEFAULT_VARIABLES.items():
            if key not in self._values and self._environ.get(variable, "").strip():
                self._values[key] = self._environ[variable]

    def _take_engines(self, tables: object) -> None:
        if not isinstance(tables, dict):
            self._problem(NAMED, Later("has a table for each engine: write [engines.NAME]"))
            return
        for name, table in tables.items():
            key = f"{NAMED}.{name}"
            if not isinstance(table, dict):
                text = Later("is a table: write [{name}] and its keys below it", name=key)
                self._problem(key, text)
            elif self._is_engine_name(name):
                for own, value in table.items():
                    self._written(f"{key}.{own}", value)

    def _is_engine_name(self, name: str) -> bool:
        """Whether this can be an engine's name, which is remembered."""
        key = f"{NAMED}.{name}"
        if not _ENGINE_NAME.fullmatch(name):
            self._problem(key, Later("an engine's name has at most 32 of a-z, 0-9, _ and -"))
        elif name in _TAKEN_NAMES:
            self._problem(key, Later("is a name of ours: choose another"))
        else:
            self.engines += [name] if name not in self.engines else []
            return True
        return False

    def has(self, key: str) -> bool:
        """Whether it was written anywhere."""
        return key in self._values

    def problem(self, key: str, text: Told) -> None:
        """Something that its value alone does not show."""
        self._problem(key, text)

    def settings(self, section: str, kind: type[T]) -> T:
        """The values of a section as the settings it fills; the defaults where there are none."""
        prefix = f"{section}." if section else ""
        names = [item.name for item in fields(kind)]  # type: ignore[arg-type]
        values = {n: self._values[prefix + n] for n in names if prefix + n in self._values}
        try:
            made = TypeAdapter(kind).validate_python(values)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                self._problem(prefix + str(detail["loc"][0]), _wanted(detail))
            return kind()
        for name in values:
            low, high = _RANGES.get(_plain(prefix + name), (float("-inf"), float("inf")))
            value = getattr(made, name)
            if isinstance(value, int | float) and not low <= value <= high:
                text = Later("must lie between {low:g} and {high:g}", low=low, high=high)
                self._problem(prefix + name, text)
        return made

    def resolved(self, path: Path) -> Path:
        """A path of the configuration; a relative one starts at the file's own folder.

        Raises `ConfigError` for what is none.
        """
        try:
            expanded = path.expanduser()
        except RuntimeError as error:  # `~name`, and nobody of that name
            text = Later("is no path here")
            raise ConfigError(Problem(self._source, None, str(path), text)) from error
        if "\0" in str(path):
            raise ConfigError(Problem(self._source, None, repr(str(path)), Later("is no path")))
        return self.folder / expanded

    def _written(self, written: str, value: object) -> None:
        section = written.rpartition(".")[0]
        known = _keys_of(section)
        if written in known:
            if _plain(written) in _SECRETS and isinstance(value, str) and not value.strip():
                self._is_empty(Later("{key} is empty", key=self._variables.get(written, written)))
            else:
                self._values[written] = value
            return
        key, _, way = written.rpartition("_")
        if key in known and way == "env":
            self._from_variable(written, key, value)
        elif _plain(key) in _SECRETS and way == "file":
            self._from_file(written, key, value)
        else:
            self._unknown(written, known)

    def _from_variable(self, written: str, key: str, name: object) -> None:
        if not isinstance(name, str) or not name:
            self._problem(written, Later("must be the name of an environment variable"))
        elif self._environ.get(name, "").strip():
            self._variables[key] = name
            self._values[key] = self._parsed(key, self._environ[name])
        else:
            text = Later("{key} names {variable}, which is not set", key=written, variable=name)
            self.remarks.append(text)

    def _from_file(self, written: str, key: str, name: object) -> None:
        try:
            text = self.resolved(Path(str(name))).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            self._problem(written, Later("the file {name} cannot be read", name=name))
            return
        if text:
            self._values[key] = text
        else:
            self._is_empty(Later("{key}, the file {name}, is empty", key=written, name=name))

    def _is_empty(self, what: Later) -> None:
        """A secret that anybody guesses is none: an empty password would open the console."""
        self.remarks.append(Later("{what}, which is as if it were not there", what=what))

    def _overridden(self, variable: str, value: str) -> None:
        parts = variable[len(ENV_PREFIX) :].lower().split("__")
        if parts[0] == NAMED and len(parts) == 3:
            self._overridden_engine(variable, parts[1], parts[2], value)
            return
        key = ".".join(parts[:2])
        self._variables[key] = variable
        section = parts[0] if len(parts) > 1 else ""
        if section not in _SECTIONS:
            self._unknown(key, {})
        elif len(parts) > 2 and key == "knowledge.folders":
            held = self._values.get(key)
            self._values[key] = {**(held if isinstance(held, dict) else {}), parts[2]: value}
        elif len(parts) > 2:
            self._unknown(key, {})
        else:
            self._written(key, self._parsed(key, value))

    def _overridden_engine(self, variable: str, name: str, own: str, value: str) -> None:
        """A shell's variables have no hyphen: an underscore stands for it, too."""
        known = {engine.replace("-", "_"): engine for engine in self.engines}
        name = name if name in self.engines else known.get(name, name)
        key = f"{NAMED}.{name}.{own}"
        self._variables[key] = self._variables[f"{NAMED}.{name}"] = variable
        if self._is_engine_name(name):
            self._written(key, self._parsed(key, value))

    def _parsed(self, key: str, text: str) -> object:
        """Lists and tables stand in a variable as JSON; a list of names also with commas."""
        annotation = str(_keys_of(key.rpartition(".")[0]).get(key, ""))
        if text[:1] in ("[", "{") and ("tuple" in annotation or "dict" in annotation):
            try:
                return json.loads(text)
            except json.JSONDecodeError:
                return text
        if "tuple" in annotation:
            return [part.strip() for part in text.split(",") if part.strip()]
        return text

    def _alike(self, written: str, siblings: Mapping[str, str]) -> list[str]:
        """Within a table that there is, what merely begins alike is nothing that was meant."""
        if siblings and "." in written:
            return []
        return get_close_matches(written, [*keys(), *filter(None, _SECTIONS)], 1)

    def _unknown(self, written: str, known: Mapping[str, object]) -> None:
        last = written.rpartition(".")[2]
        siblings = {key.rpartition(".")[2]: key for key in known}
        near = (
            [siblings[name] for name in get_close_matches(last, siblings, 1)]
            or [key for key in keys() if key.rpartition(".")[2] == last]
            or self._alike(written, siblings)
        )
        hint = near[0] if near else ""
        if hint and written in self._variables:
            hint = ENV_PREFIX + hint.replace(".", "__").upper()
        text = Later("unknown key (did you mean {key}?)", key=hint)
        self._problem(written, text if hint else Later("unknown key"))

    def _problem(self, key: str, text: Told) -> None:
        if variable := self._variables.get(key):
            self.problems.append(Problem(Later("environment"), None, variable, text))
        else:
            line = self._lines.line(tuple(key.split(".")))
            self.problems.append(Problem(self._source, line, key, text))
