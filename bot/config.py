"""The configuration: the only reader of the TOML file and of the environment.

Strict: every key of the file and every `LOREKEEPER__…` variable must be known. Any key may be given
as `name_env = "VARIABLE"`, a secret also as `name_file = "PATH"`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bot.config_values import Folders, Servers, Top, Values
from bot.errors import ConfigError, Problem
from bot.settings import (
    Config,
    DiscordSettings,
    LogSettings,
    NetworkSettings,
    TelegramSettings,
    WebSettings,
)
from bot.toml_lines import TomlLines, syntax_error_line
from core.settings import (
    AdmissionSettings,
    ChatSettings,
    DispatcherSettings,
    EngineSettings,
    SpeakingSettings,
)
from knowledge_base.settings import EmbeddingSettings, KnowledgeSettings, ReaderLimits

DEFAULT_FILE = "config.toml"


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
    values = Values(source, TomlLines(text), dict(os.environ if environ is None else environ))
    values.take(tree, (path or Path(DEFAULT_FILE)).resolve().parent)
    config = _composed(values)
    if values.problems:
        raise ConfigError(*values.problems)
    return config


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(Problem(str(path), None, "", "there is no such file")) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(Problem(str(path), None, "", "the file cannot be read")) from error


def _composed(values: Values) -> Config:
    top = values.settings("", Top)
    limits = values.settings("knowledge", ReaderLimits)
    knowledge = replace(values.settings("knowledge", KnowledgeSettings), limits=limits)
    folders = values.settings("knowledge", Folders).folders
    config = Config(
        data_dir=values.resolved(top.data_dir),
        owners=top.owners,
        operator=top.operator,
        blocked=top.blocked,
        allowed=top.allowed,
        engine=_engine(values),
        chat=_chat(values, knowledge),
        dispatcher=values.settings("dispatcher", DispatcherSettings),
        speaking=values.settings("speaking", SpeakingSettings),
        embedding=_embedding(values),
        knowledge=knowledge,
        discord=values.settings("discord", DiscordSettings),
        telegram=values.settings("telegram", TelegramSettings),
        admission=values.settings("admission", AdmissionSettings),
        web=values.settings("web", WebSettings),
        network=values.settings("network", NetworkSettings),
        logs=values.settings("logs", LogSettings),
    )
    if folders is not None:
        config = replace(config, folders={n: values.resolved(p) for n, p in folders.items()})
    return replace(config, remarks=tuple(values.remarks))


def _engine(values: Values) -> EngineSettings:
    engine = values.settings("engine", EngineSettings)
    servers = values.settings("engine", Servers).base_urls
    if servers and engine.base_url is None:
        engine = replace(engine, base_url=servers[0])
    if len(servers) > 1:
        values.remarks.append("engine.base_urls: this version uses the first server alone")
    projector, template = engine.image_projector, engine.chat_template
    return replace(
        engine,
        model=_model(values, engine.model),
        image_projector=str(values.resolved(Path(projector))) if projector else None,
        chat_template=str(values.resolved(Path(template))) if template else None,
    )


def _embedding(values: Values) -> EmbeddingSettings:
    embedding = values.settings("embedding", EmbeddingSettings)
    return replace(embedding, model=_model(values, embedding.model))


def _chat(values: Values, knowledge: KnowledgeSettings) -> ChatSettings:
    chat = replace(values.settings("chat", ChatSettings), passages=knowledge.passages)
    if chat.prompt_folder is None:
        return chat
    return replace(chat, prompt_folder=str(values.resolved(Path(chat.prompt_folder))))


def _model(values: Values, model: str | None) -> str | None:
    """A model is a name, a hub id or a path: a path if it looks like one or is there."""
    if not model:
        return None
    path = values.resolved(Path(model))
    looks_so = model.startswith((".", "/", "~")) or model.endswith(".gguf")
    return str(path) if looks_so or path.exists() else model
