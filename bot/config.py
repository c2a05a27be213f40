"""The configuration: the only reader of the TOML file and of the environment.

Strict: every key of the file and every `LOREKEEPER__…` variable must be known. Any key may be given
as `name_env = "VARIABLE"`, a secret also as `name_file = "PATH"`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC
from functools import partial
from pathlib import Path

from bot import proxies
from bot.config_values import NAMED, Folders, Top, Values
from bot.errors import SETTINGS, ConfigError, Problem
from bot.library_words import retold
from bot.settings import (
    ApiSettings,
    BackupSettings,
    Config,
    DiscordSettings,
    JobSettings,
    LogSettings,
    ModelsSettings,
    NetworkSettings,
    TelegramSettings,
    WebSettings,
)
from bot.toml_lines import TomlLines, syntax_error_line
from core.cron import Cron, zone_named
from core.distance import place_of
from core.engines import templates
from core.language import Later, Told
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

DEFAULT_FILE = "config.toml"


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the configuration. Raises `ConfigError` with every problem found.

    Without a path: `./config.toml` where it exists, else the defaults.
    """
    path = found(path)
    text = _read(path) if path else ""
    source: Told = path.name if path else SETTINGS
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, reason = syntax_error_line(str(error))
        told = Later("not valid TOML: {reason}", reason=partial(retold, reason))
        raise ConfigError(Problem(source, line, "", told)) from error
    values = Values(source, TomlLines(text), dict(os.environ if environ is None else environ))
    values.take(tree, (path or Path(DEFAULT_FILE)).resolve().parent)
    config = _composed(values)
    if values.problems:
        raise ConfigError(*values.problems, language=config.chat.language)
    return config


def found(path: Path | None) -> Path | None:
    """The file that is read where this one, or none, was named; None: there is none."""
    return Path(DEFAULT_FILE) if path is None and Path(DEFAULT_FILE).is_file() else path


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(Problem(str(path), None, "", Later("there is no such file"))) from error
    except (OSError, UnicodeDecodeError) as error:
        text = Later("the file cannot be read")
        raise ConfigError(Problem(str(path), None, "", text)) from error


def _composed(values: Values) -> Config:
    top = values.settings("", Top)
    limits = values.settings("knowledge", ReaderLimits)
    pages = values.settings("knowledge", PageSettings)
    knowledge = replace(values.settings("knowledge", KnowledgeSettings), limits=limits, pages=pages)
    folders = values.settings("knowledge", Folders).folders
    engine = _engine(values)
    config = Config(
        data_dir=values.resolved(top.data_dir),
        owners=top.owners,
        operator=top.operator,
        blocked=top.blocked,
        allowed=top.allowed,
        engine=engine,
        engines=_engines(values, engine),
        chat=_chat(values, knowledge),
        dispatcher=values.settings("dispatcher", DispatcherSettings),
        speaking=values.settings("speaking", SpeakingSettings),
        privacy=values.settings("privacy", PrivacySettings),
        limits=values.settings("limits", LimitSettings),
        embedding=_embedding(values),
        knowledge=knowledge,
        retrieval=_retrieval(values),
        discord=values.settings("discord", DiscordSettings),
        telegram=values.settings("telegram", TelegramSettings),
        admission=values.settings("admission", AdmissionSettings),
        web=values.settings("web", WebSettings),
        api=values.settings("api", ApiSettings),
        network=values.settings("network", NetworkSettings),
        models=_models(values),
        jobs=_jobs(values),
        backup=_backup(values),
        logs=values.settings("logs", LogSettings),
    )
    if folders is not None:
        config = replace(config, folders={n: values.resolved(p) for n, p in folders.items()})
    _check_fallbacks(values, config)
    _check_proxies(values, config)
    _check_password(values, config.web)
    return replace(config, remarks=tuple(values.remarks))


_COMMON = (
    "threads",
    "max_waiting",
    "max_waiting_per_member",
    "max_waiting_per_channel",
    "request_timeout_seconds",
    "max_answer_tokens",
    "device",
    "dtype",
    "fallbacks",
    "idle_unload_minutes",
    "health_seconds",
)
"""What holds for every engine unless its own table says otherwise.

What is about one model or one server does not: an address' key goes to that address alone.
"""


def _engine(values: Values) -> EngineSettings:
    return _resolved(values, "engine", values.settings("engine", EngineSettings))


def _engines(values: Values, common: EngineSettings) -> dict[str, EngineSettings]:
    """The named ones, in order."""
    made = {}
    for name in values.engines:
        section = f"{NAMED}.{name}"
        own = values.settings(section, EngineSettings)
        for key in _COMMON:
            if not values.has(f"{section}.{key}"):
                own = replace(own, **{key: getattr(common, key)})
        if own.kind == "extractive" or not (own.model or own.addresses):
            values.problem(section, Later("names no model: give model or base_url"))
        made[name] = _resolved(values, section, replace(own, name=name))
    return made


def _resolved(values: Values, section: str, engine: EngineSettings) -> EngineSettings:
    if engine.place == "local" and place_of("auto", engine.addresses) != "local":
        text = Later("an address elsewhere is not local: write own, for a machine of yours")
        values.problem(f"{section}.place", text)
    projector, template = engine.image_projector, engine.chat_template
    return replace(
        engine,
        base_url=next(iter(engine.addresses), None),
        model=_model(values, engine.model),
        image_projector=str(values.resolved(Path(projector))) if projector else None,
        chat_template=_template(values, template),
    )


def _check_fallbacks(values: Values, config: Config) -> None:
    """An unknown name would only show when the first engine fails."""
    known = {*config.engines, "extractive", "smollm2"}
    for section, engine in (("engine", config.engine), *_sections(config)):
        key = f"{section}.fallbacks"
        wrong = [name for name in engine.fallbacks or () if name not in known]
        if wrong and values.has(key):
            values.problem(key, Later("there is no [{table}]", table=f"{NAMED}.{wrong[0]}"))


def _check_password(values: Values, web: WebSettings) -> None:
    """It may stand, since it always could; what guesses are worth is told."""
    if web.password is None:
        return
    # Not at the top: whoever completes a name at the shell waits for this module.
    from core.accounts import LEAST_LETTERS

    if len(web.password.get_secret_value()) < LEAST_LETTERS:
        text = Later("web.password has fewer than {count} characters", count=LEAST_LETTERS)
        values.remarks.append(text)


def _check_proxies(values: Values, config: Config) -> None:
    """A wrong one would only show as a surface that never comes up."""
    sections = {
        "network": config.network.proxy,
        "discord": config.discord.proxy,
        "telegram": config.telegram.proxy,
        "models": config.models.proxy,
        "embedding": config.embedding.proxy,
        "engine": config.engine.proxy,
        **{section: engine.proxy for section, engine in _sections(config)},
    }
    for section, proxy in sections.items():
        problem = proxies.problem_of(proxy) if proxy and proxy != proxies.DIRECT else None
        if problem is not None:
            values.problem(f"{section}.proxy", problem)


def _sections(config: Config) -> list[tuple[str, EngineSettings]]:
    return [(f"{NAMED}.{name}", engine) for name, engine in config.engines.items()]


def _embedding(values: Values) -> EmbeddingSettings:
    embedding = values.settings("embedding", EmbeddingSettings)
    return replace(embedding, model=_model(values, embedding.model))


def _retrieval(values: Values) -> RetrievalSettings:
    retrieval = values.settings("retrieval", RetrievalSettings)
    return replace(retrieval, reranker=_model(values, retrieval.reranker))


def _chat(values: Values, knowledge: KnowledgeSettings) -> ChatSettings:
    chat = replace(values.settings("chat", ChatSettings), passages=knowledge.passages)
    if chat.prompt_folder is None:
        return chat
    return replace(chat, prompt_folder=str(values.resolved(Path(chat.prompt_folder))))


def _backup(values: Values) -> BackupSettings:
    backup = values.settings("backup", BackupSettings)
    if backup.folder is None:
        return backup
    return replace(backup, folder=values.resolved(backup.folder))


_NO_CRON = ("grace_hours", "golden_file", "golden_base")


def _jobs(values: Values) -> JobSettings:
    """What is written wrongly would only show when it is due."""
    jobs = values.settings("jobs", JobSettings)
    for name in (one.name for one in fields(jobs) if one.name not in _NO_CRON):
        key, text = f"jobs.{name}", getattr(jobs, name)
        if not text or not values.has(key):
            continue
        try:
            zone_named(text) if name == "time_zone" else Cron.parse(text, UTC)
        except ValueError as error:
            ours = [fact for fact in error.args if isinstance(fact, Later)]
            values.problem(key, ours[0] if ours else str(error))
    file = jobs.golden_file
    return jobs if file is None else replace(jobs, golden_file=values.resolved(file))


def _models(values: Values) -> ModelsSettings:
    models = values.settings("models", ModelsSettings)
    folder = models.folder
    return replace(models, folder=values.resolved(folder) if folder is not None else None)


def _template(values: Values, template: str | None) -> str | None:
    """The name of one of ours, else a path."""
    if not template or template in templates.names():
        return template or None
    return str(values.resolved(Path(template)))


def _model(values: Values, model: str | None) -> str | None:
    """A model is a name, a hub id or a path: a path if it looks like one or is there."""
    if not model:
        return None
    path = values.resolved(Path(model))
    looks_so = model.startswith((".", "/", "~")) or model.endswith(".gguf")
    return str(path) if looks_so or path.exists() else model
