"""The configuration: the only reader of the TOML file and of the environment.

Strict: every key of the file and every `LOREKEEPER__…` variable must be known. Any key may be given
as `name_env = "VARIABLE"`, a secret also as `name_file = "PATH"`.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar, get_type_hints

from pydantic import SecretStr, TypeAdapter, ValidationError

from bot.settings import (
    AdmissionSettings,
    Config,
    DiscordSettings,
    LogSettings,
    NetworkSettings,
    TelegramSettings,
    WebSettings,
)
from bot.toml_lines import TomlLines, syntax_error_line
from core.settings import ChatSettings, DispatcherSettings, EngineSettings
from knowledge_base.settings import EmbeddingSettings, KnowledgeSettings, ReaderLimits

ENV_PREFIX = "LOREKEEPER__"
DEFAULT_FILE = "config.toml"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where it was written, which key, and what to do."""

    source: str
    line: int | None
    key: str
    text: str

    def __str__(self) -> str:
        parts = (self.source, f"line {self.line}" if self.line else "", self.key, self.text)
        return ": ".join(filter(None, parts))


class ConfigError(Exception):
    """The configuration cannot be used; each problem names its key and its line."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class _Top:
    """The keys outside all sections."""

    data_dir: Path = Path("data")
    owners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Folders:
    """Keys of [knowledge] that the knowledge base itself does not take."""

    folders: dict[str, Path] | None = None


@dataclass(frozen=True, slots=True)
class _Servers:
    """Keys of [engine] that are written in another form than the engine takes."""

    base_urls: tuple[str, ...] = ()


_SECTIONS: Mapping[str, tuple[type, ...]] = {
    "": (_Top,),
    "engine": (EngineSettings, _Servers),
    "chat": (ChatSettings,),
    "dispatcher": (DispatcherSettings,),
    "embedding": (EmbeddingSettings,),
    "knowledge": (KnowledgeSettings, ReaderLimits, _Folders),
    "discord": (DiscordSettings,),
    "telegram": (TelegramSettings,),
    "admission": (AdmissionSettings,),
    "web": (WebSettings,),
    "network": (NetworkSettings,),
    "logs": (LogSettings,),
}
_DERIVED = {"chat.passages", "knowledge.limits"}
"""Fields that are no keys: they follow from others."""
_SECRETS = {
    "engine.api_key",
    "embedding.api_key",
    "discord.token",
    "telegram.token",
    "web.password",
}
_DEFAULT_VARIABLES = {"discord.token": "DISCORD_TOKEN", "telegram.token": "TELEGRAM_TOKEN"}
_RANGES: Mapping[str, tuple[float, float]] = {
    "engine.threads": (1, 1024),
    "engine.context_window": (256, 10_000_000),
    "engine.max_concurrent": (1, 1024),
    "engine.max_waiting": (1, 1_000_000),
    "engine.max_waiting_per_member": (1, 1_000_000),
    "engine.max_waiting_per_channel": (1, 1_000_000),
    "engine.request_timeout_seconds": (0.1, 86_400),
    "engine.max_answer_tokens": (1, 1_000_000),
    "chat.history_turns": (0, 1000),
    "chat.group_history_minutes": (0, 10_080),
    "dispatcher.grace_seconds": (0, 3600),
    "dispatcher.reply_seconds": (1, 86_400),
    "dispatcher.answer_missed_minutes": (0, 10_080),
    "dispatcher.edit_window_minutes": (0, 10_080),
    "embedding.threads": (1, 1024),
    "embedding.max_tokens": (16, 1_000_000),
    "embedding.timeout_seconds": (0.1, 3600),
    "knowledge.relevance_threshold": (0, 1),
    "knowledge.passages": (1, 50),
    "knowledge.memory_budget_mb": (16, 10_000_000),
    "knowledge.busy_seconds": (0, 3600),
    "knowledge.max_file_mb": (1, 100_000),
    "knowledge.max_passages_per_document": (1, 1_000_000),
    "knowledge.max_archive_mb": (1, 1_000_000),
    "knowledge.max_archive_files": (1, 1_000_000),
    "knowledge.max_archive_depth": (0, 20),
    "knowledge.parse_seconds": (1, 86_400),
    "knowledge.parse_memory_mb": (128, 1_000_000),
    "telegram.group_messages_per_minute": (1, 10_000),
    "web.port": (0, 65_535),
}


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the configuration. Raises `ConfigError` with every problem found.

    Without a path: `./config.toml` where it exists, else the defaults.
    """
    if path is None and Path(DEFAULT_FILE).is_file():
        path = Path(DEFAULT_FILE)
    text = _read(path) if path else ""
    source = path.name if path else "configuration"
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, words = syntax_error_line(str(error))
        raise ConfigError(Problem(source, line, "", f"not valid TOML: {words}")) from error
    reader = _Reader(source, TomlLines(text), dict(os.environ if environ is None else environ))
    reader.take(tree, (path or Path(DEFAULT_FILE)).resolve().parent)
    config = _composed(reader)
    if reader.problems:
        raise ConfigError(*reader.problems)
    return config


def keys() -> tuple[str, ...]:
    """Every key, as `section.key`."""
    return tuple(key for section in _SECTIONS for key in _keys_of(section))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(Problem(str(path), None, "", "there is no such file")) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(Problem(str(path), None, "", "the file cannot be read")) from error


def _keys_of(section: str) -> dict[str, object]:
    """Keys of a section with their types, read off the settings that they fill."""
    found = {}
    for settings in _SECTIONS[section]:
        hints = get_type_hints(settings)
        for item in fields(settings):
            key = f"{section}.{item.name}" if section else item.name
            if key not in _DERIVED:
                found[key] = hints[item.name]
    return found


class _Reader:
    """Gathers values and problems of one configuration: file first, the environment over it."""

    def __init__(self, source: str, lines: TomlLines, environ: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self.remarks: list[str] = []
        self.folder = Path()
        self._source = source
        self._lines = lines
        self._environ = environ
        self._variables: dict[str, str] = {}
        self._values: dict[str, object] = {}

    def take(self, tree: Mapping[str, object], folder: Path) -> None:
        """Read all values; `folder` is where relative paths start."""
        self.folder = folder
        for name, value in tree.items():
            if isinstance(value, dict) and name in _SECTIONS:
                for key, below in value.items():
                    self._written(f"{name}.{key}", below)
            elif name in _SECTIONS:
                self._problem(name, f"is a section: write [{name}] and its keys below it")
            else:
                self._written(name, value)
        for variable in sorted(self._environ):
            if variable.upper().startswith(ENV_PREFIX):
                self._overridden(variable, self._environ[variable])
        for key, variable in _DEFAULT_VARIABLES.items():
            if key not in self._values and self._environ.get(variable):
                self._values[key] = self._environ[variable]

    def settings(self, section: str, kind: type[T]) -> T:
        """The values of a section as the settings it fills; the defaults where there are none."""
        prefix = f"{section}." if section else ""
        names = [item.name for item in fields(kind)]  # type: ignore[arg-type]
        values = {n: self._values[prefix + n] for n in names if prefix + n in self._values}
        try:
            made = TypeAdapter(kind).validate_python(values)
        except ValidationError as error:
            for detail in error.errors(
                include_url=False, include_input=False, include_context=False
            ):
                key = prefix + str(detail["loc"][0])
                self._problem(key, detail["msg"][:1].lower() + detail["msg"][1:])
            return kind()
        for name in values:
            low, high = _RANGES.get(prefix + name, (float("-inf"), float("inf")))
            value = getattr(made, name)
            if isinstance(value, int | float) and not low <= value <= high:
                self._problem(prefix + name, f"must lie between {low:g} and {high:g}")
        return made

    def resolved(self, path: Path) -> Path:
        """A path of the configuration; a relative one starts at the file's own folder."""
        return self.folder / path.expanduser()

    def _written(self, written: str, value: object) -> None:
        section = written.rpartition(".")[0]
        known = _keys_of(section)
        if written in known:
            self._values[written] = value
            return
        key, _, way = written.rpartition("_")
        if key in known and way == "env":
            self._from_variable(written, key, value)
        elif key in _SECRETS and way == "file":
            self._from_file(written, key, value)
        else:
            self._unknown(written, known)

    def _from_variable(self, written: str, key: str, name: object) -> None:
        if not isinstance(name, str) or not name:
            self._problem(written, "must be the name of an environment variable")
        elif self._environ.get(name):
            self._variables[key] = name
            self._values[key] = self._parsed(key, self._environ[name])
        else:
            self.remarks.append(f"{written} names {name}, which is not set")

    def _from_file(self, written: str, key: str, name: object) -> None:
        try:
            path = self.resolved(Path(str(name)))
            self._values[key] = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            self._problem(written, f"the file {name} cannot be read")

    def _overridden(self, variable: str, value: str) -> None:
        parts = variable[len(ENV_PREFIX) :].lower().split("__")
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

    def _unknown(self, written: str, known: Mapping[str, object]) -> None:
        last = written.rpartition(".")[2]
        siblings = {key.rpartition(".")[2]: key for key in known}
        near = (
            [siblings[name] for name in get_close_matches(last, siblings, 1)]
            or [key for key in keys() if key.rpartition(".")[2] == last]
            or get_close_matches(written, [*keys(), *filter(None, _SECTIONS)], 1)
        )
        hint = near[0] if near else ""
        if hint and written in self._variables:
            hint = ENV_PREFIX + hint.replace(".", "__").upper()
        self._problem(written, "unknown key" + (f" (did you mean {hint}?)" if hint else ""))

    def _problem(self, key: str, text: str) -> None:
        if variable := self._variables.get(key):
            self.problems.append(Problem("environment", None, variable, text))
        else:
            line = self._lines.line(tuple(key.split(".")))
            self.problems.append(Problem(self._source, line, key, text))


def _composed(reader: _Reader) -> Config:
    top = reader.settings("", _Top)
    limits = reader.settings("knowledge", ReaderLimits)
    knowledge = replace(reader.settings("knowledge", KnowledgeSettings), limits=limits)
    folders = reader.settings("knowledge", _Folders).folders
    config = Config(
        data_dir=reader.resolved(top.data_dir),
        owners=top.owners,
        engine=_engine(reader),
        chat=_chat(reader, knowledge),
        dispatcher=reader.settings("dispatcher", DispatcherSettings),
        embedding=_embedding(reader),
        knowledge=knowledge,
        discord=reader.settings("discord", DiscordSettings),
        telegram=reader.settings("telegram", TelegramSettings),
        admission=reader.settings("admission", AdmissionSettings),
        web=reader.settings("web", WebSettings),
        network=reader.settings("network", NetworkSettings),
        logs=reader.settings("logs", LogSettings),
    )
    if folders is not None:
        config = replace(config, folders={n: reader.resolved(p) for n, p in folders.items()})
    return replace(config, remarks=tuple(reader.remarks))


def _engine(reader: _Reader) -> EngineSettings:
    engine = reader.settings("engine", EngineSettings)
    servers = reader.settings("engine", _Servers).base_urls
    if servers and engine.base_url is None:
        engine = replace(engine, base_url=servers[0])
    if len(servers) > 1:
        reader.remarks.append("engine.base_urls: this version uses the first server alone")
    return replace(engine, model=_model(reader, engine.model))


def _embedding(reader: _Reader) -> EmbeddingSettings:
    embedding = reader.settings("embedding", EmbeddingSettings)
    return replace(embedding, model=_model(reader, embedding.model))


def _chat(reader: _Reader, knowledge: KnowledgeSettings) -> ChatSettings:
    chat = replace(reader.settings("chat", ChatSettings), passages=knowledge.passages)
    if chat.prompt_folder is None:
        return chat
    return replace(chat, prompt_folder=str(reader.resolved(Path(chat.prompt_folder))))


def _model(reader: _Reader, model: str | None) -> str | None:
    """A model is a name, a hub id or a path: a path if it looks like one or is there."""
    if not model:
        return None
    path = reader.resolved(Path(model))
    looks_so = model.startswith((".", "/", "~")) or model.endswith(".gguf")
    return str(path) if looks_so or path.exists() else model


def secret(value: SecretStr | None) -> str | None:
    """The secret itself, for the one place that sends it."""
    return value.get_secret_value() if value else None
