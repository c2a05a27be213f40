"""Writing a model into the configuration file, without touching anything else in it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import cast

from bot import config as configuration
from bot.errors import ConfigError


def apply(path: Path, engine: str, model: str, now: datetime) -> Path | None:
    """Set `engine.kind` and `engine.model`, keep comments, order and all else.

    The file as it was is kept beside it; that copy's path is given back, None where there was no
    file. Raises `ConfigError`, and then nothing has changed; `OSError`.
    """
    return _written(path, "engine", {"kind": engine, "model": model}, now)


def apply_embedder(path: Path, kind: str, model: str | None, now: datetime) -> Path | None:
    """Set `embedding.kind` and `embedding.model`; None takes that out. As `apply`."""
    return _written(path, "embedding", {"kind": kind, "model": model}, now)


def _written(
    path: Path, section: str, values: Mapping[str, str | None], now: datetime
) -> Path | None:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import Table

    before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    configuration.load(path if path.exists() else None)  # what is broken is not written over
    try:
        document = tomlkit.parse(before)
    except TOMLKitError as error:  # what one parser takes and the other does not
        raise ConfigError from error
    found = document.get(section)
    if found is None:
        found = tomlkit.table()
        document[section] = found
    table = cast(Table, found)
    for key, value in values.items():
        table.pop(f"{key}_env", None)  # it would go before what is written now
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
    return _replaced(path, tomlkit.dumps(document), now)


def _replaced(path: Path, text: str, now: datetime) -> Path | None:
    """Tried out before it takes the file's place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".toml", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        configuration.load(made)
        copy = None
        if path.exists():
            copy = path.with_name(f"{path.name}.{now:%Y%m%d-%H%M%S}.bak")
            shutil.copy2(path, copy)
            shutil.copymode(path, made)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    return copy
