"""Commands about documents: `/kb …`."""

from __future__ import annotations

from typing import Final

from core.commands.base import CommandContext, Replies
from core.commands.places import bases_of, document_named, title_of
from core.commands.sizes import size_of
from core.commands.talking import excerpt, place_of
from core.counts import documents_of, passages_of
from core.inert import inert
from core.language import Words
from core.replies import TextDelta
from knowledge_base.models import Document, Legs

_MOST_LISTED: Final = 100
_LONGEST_QUOTE: Final = 300
_SEARCHED: Final = 5


async def list_documents(context: CommandContext) -> Replies:
    """The documents of every base that is asked here."""
    _ = context.words
    pieces: list[str] = []
    for base in await bases_of(context):
        documents = await context.resources.library.documents(base.base_id)
        if not documents:
            continue
        lines = [
            _.plural(
                "{base}: {count} document", "{base}: {count} documents", len(documents),
                base=title_of(context, base.name),
            )
        ]  # fmt: skip
        lines += [f"- {_line(document, _)}" for document in documents[:_MOST_LISTED]]
        if len(documents) > _MOST_LISTED:
            lines.append(_("… and {count} more.", count=len(documents) - _MOST_LISTED))
        pieces.append("\n".join(lines))
    yield TextDelta("\n\n".join(pieces) or _("There are no documents here yet."))


async def show(context: CommandContext) -> Replies:
    """What is known of one document."""
    _ = context.words
    document = await document_named(context, context.text("name"))
    facts = [
        _(
            "{name}: version {version}, {passages}, {size}, added on {date:%Y-%m-%d}.",
            name=inert(document.name),
            version=document.version,
            passages=passages_of(document.passages, _),
            size=size_of(document.size),
            date=document.added_at,
        )
    ]
    if document.pages:
        facts.append(_.plural("{count} page.", "{count} pages.", document.pages))
    if document.uploader:
        facts.append(_("Added by {name}.", name=inert(document.uploader)))
    yield TextDelta(" ".join(facts))


async def search(context: CommandContext) -> Replies:
    """The nearest passages with their scores; no model takes part."""
    _ = context.words
    scope = await context.resources.access.scope_of(context.message)
    result = await context.resources.library.search(
        scope,
        context.text("query"),
        limit=_SEARCHED,
        legs=Legs.BOTH if context.embeds else Legs.LEXICAL,
        threshold=context.settings.threshold,
    )
    if not result.passages:
        yield TextDelta(_("There are no documents here yet."))
        return
    pieces = [
        f"{number}. {place_of(passage, _)} · {passage.relevance:.0%}\n"
        f"> {excerpt(passage, _LONGEST_QUOTE)}"
        for number, passage in enumerate(result.passages, 1)
    ]
    if result.refused:
        pieces.append(
            _("None of them reaches the relevance of {threshold:.0%} that an answer needs.",
              threshold=result.threshold)
        )  # fmt: skip
    yield TextDelta("\n\n".join(pieces))


async def statistics(context: CommandContext) -> Replies:
    """Figures of the bases that are asked here."""
    _ = context.words
    pieces: list[str] = []
    for base in await bases_of(context):
        figures = await context.resources.library.statistics(base.base_id)
        pieces.append(
            _(
                "{base}: {documents}, {passages}, {size}; embedding model: {embedder}.",
                base=title_of(context, figures.base),
                documents=documents_of(figures.documents, _),
                passages=passages_of(figures.passages, _),
                size=size_of(figures.size),
                embedder=inert(figures.embedder) if figures.embedder else _("none"),
            )
        )
    yield TextDelta("\n".join(pieces) or _("There are no documents here yet."))


def _line(document: Document, _: Words) -> str:
    return _.plural(
        "{name} ({count} passage, {size})",
        "{name} ({count} passages, {size})",
        document.passages,
        name=inert(document.name),
        size=size_of(document.size),
    )
