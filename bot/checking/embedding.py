"""The embedder: whether it loads and answers, and reads what the documents are written in."""

from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.checking.items import Item, Local, Looked
from bot.checking.scripts import Corpus, corpora, is_blind
from bot.model_sizes import cached
from bot.proxies import proxy_for
from core.distance import host_of
from core.language import N_, Words
from knowledge_base.errors import EmbeddingUnavailableError

if TYPE_CHECKING:
    from knowledge_base.embedders.base import Embedder

_WORD: Final = "lighthouse"
_SCRIPTS: Final = {
    "HAN": N_("Chinese"),
    "LATIN": N_("Latin letters"),
    "CYRILLIC": N_("Cyrillic letters"),
}
_MULTILINGUAL: Final = '[embedding] model = "intfloat/multilingual-e5-small"'


async def look(looked: Looked) -> list[Item]:
    """Opened as a run would, one word embedded, and let go again."""
    missing = _missing(looked)
    if missing is not None:
        return [missing]
    local = await looked.local()
    config = looked.config
    from knowledge_base.embedders import open_embedder

    proxy = proxy_for(config.embedding.proxy, config.network.proxy)
    settings = config.embedding
    if local.plan.embedder_moved:
        settings = replace(settings, device="cpu")
    try:
        embedder = await open_embedder(settings, proxy)
        if embedder is None:
            return [_none(looked.words)]
        try:
            await embedder.embed_query(_WORD)
            items = [_well(looked, local, getattr(embedder, "device", "cpu"))]
            stored = await asyncio.to_thread(corpora, config.data_dir)
            return items + _fitting(embedder, stored, looked)
        finally:
            await embedder.aclose()
    except EmbeddingUnavailableError as error:
        return [_unavailable(error, looked)]


def _missing(looked: Looked) -> Item | None:
    """What would have to be installed or fetched first: a look fetches nothing."""
    _, settings = looked.words, looked.config.embedding
    if settings.kind == "openai" or settings.base_url or settings.model in (None, "bundled"):
        return None
    if importlib.util.find_spec("sentence_transformers") is None:
        text = _(
            "[{section}] needs the package {package}.",
            section="embedding",
            package="sentence-transformers",
        )
        return Item("failure", "embedding", text, 'pip install "lorekeeper[local]"')
    model = str(settings.model)
    path = Path(model).expanduser()
    if path.exists() or cached(model) is not None:
        return None
    text = _("[{section}] {model} is not here.", section="embedding", model=model)
    if path.is_absolute() or model.startswith((".", "~")):
        return Item("failure", "embedding", text, _('[embedding] model = "a folder, or a hub id"'))
    return Item("warning", "embedding", text, _("It is fetched at the first start."))


def _none(_: Words) -> Item:
    text = _("The bundled embedding model cannot run here: search is by words alone.")
    return Item(
        "warning", "embedding", text, '[embedding] kind = "sentence_transformers" or "openai"'
    )


def _well(looked: Looked, local: Local, device: str) -> Item:
    _, settings = looked.words, looked.config.embedding
    if settings.base_url or settings.kind == "openai":
        host = host_of(settings.base_url or "")
        return Item("ok", "embedding", _("[embedding] {host} answers.", host=host))
    is_ours = settings.model in (None, "bundled")
    card = local.machine.card
    if device != "cpu" and card is not None:
        return Item("ok", "embedding", _on_card(looked, card.device.name, is_ours=is_ours))
    if local.plan.embedder_moved and not is_ours:
        text = _("The embedding model leaves the card to answers and runs on the processor.")
        return Item("warning", "embedding", text, _("A smaller model in [engine] or [embedding]."))
    if is_ours:
        text = _("[embedding] runs the bundled model, in both languages.")
        return Item("ok", "embedding", text)
    text = _("[embedding] runs {model} in this process.", model=settings.model)
    return Item("ok", "embedding", text)


def _on_card(looked: Looked, card: str, *, is_ours: bool) -> str:
    _ = looked.words
    if is_ours:
        return _("[embedding] runs the bundled model on {card}.", card=card)
    model = looked.config.embedding.model
    return _("[embedding] runs {model} on {card}.", model=model, card=card)


def _unavailable(error: EmbeddingUnavailableError, looked: Looked) -> Item:
    _, settings = looked.words, looked.config.embedding
    if not settings.base_url:
        text = _("[embedding] {model} cannot be loaded.", model=settings.model or "bundled")
        return Item("failure", "embedding", text, '[embedding] kind = "bundled"')
    status = getattr(error.__cause__, "status_code", None)
    host = host_of(settings.base_url)
    if status in (401, 403):
        text = _("[embedding] {host} does not take the key.", host=host)
        return Item("failure", "embedding", text, '[embedding] api_key_env = "VARIABLE"')
    text = _("[embedding] {host} gives no vectors for {model}.", host=host, model=settings.model)
    return Item("failure", "embedding", text, '[embedding] base_url = "http://…/v1", model = "…"')


def _fitting(embedder: Embedder, stored: list[Corpus], looked: Looked) -> list[Item]:
    """What is stored against the embedder that is configured."""
    _, model = looked.words, looked.config.embedding.model
    items = []
    others = [one.base for one in stored if one.fingerprint not in (None, embedder.fingerprint)]
    if others:
        text = _(
            "{bases}: embedded by another model. There words alone are searched by, and nothing "
            "can be added.",
            bases=", ".join(others[:3]),
        )
        fix = _("[embedding] as it was; or python -m bot kb export, then kb import into a new base")
        items.append(Item("warning", "embedding", text, fix))
    for corpus in stored:
        for script in corpus.scripts:
            if script in _SCRIPTS and is_blind(corpus, script, model, embedder.fingerprint):
                text = _(
                    "{percent:.0f} % of {base} is in {script}, which {model} does not read: there "
                    "search goes by words alone.",
                    percent=100 * corpus.shares[script],
                    base=corpus.base,
                    script=_(_SCRIPTS[script]),
                    model=embedder.name,
                )
                items.append(Item("warning", "language", text, _MULTILINGUAL))
    return items
