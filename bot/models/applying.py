"""Writing a model into the configuration file, without touching anything else in it."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import cast

from bot import config as configuration
from bot.errors import ConfigError


def apply(path: Path, engine: str, model: str, now: datetime) -> Path | None:
    """Set `engine.kind` and `engine.model`, keep comments, order and all else.

    The file as it was is kept beside it; that copy's path is given back, None where there was no
    file. Raises `ConfigError`, and then nothing has changed.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import Table

    before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    configuration.load(path if path.exists() else None)  # what is broken is not written over
    try:
        document = tomlkit.parse(before)
    except TOMLKitError as error:  # what one parser takes and the other does not
        raise ConfigError from error
    section = document.get("engine")
    if section is None:
        section = tomlkit.table()
        document["engine"] = section
    table = cast(Table, section)
    for key in ("kind_env", "model_env"):  # these would go before what is written now
        table.pop(key, None)
    table["kind"], table["model"] = engine, model
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
