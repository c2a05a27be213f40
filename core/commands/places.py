"""Which bases a command is about, and which document is meant."""

from __future__ import annotations

from core.access import SHARED, home_of, homes_of, taught_in
from core.commands.base import CommandContext
from core.errors import EmbedderTooFarError, NotAllowedError
from core.events import ChannelKind, MemberRef
from core.inert import inert
from core.permissions import Level
from knowledge_base.errors import NoSuchBaseError, NoSuchDocumentError
from knowledge_base.models import Document, KnowledgeBase


async def bases_of(context: CommandContext) -> list[KnowledgeBase]:
    """Every base that is asked here, by name.

    In a private chat the channel that it uses is left out: whoever may ask there may not for that
    look through what lies there, which is for its moderators.
    """
    message = context.message
    scope = await context.resources.access.scope_of(message)
    bases = [b for b in await context.resources.library.bases() if b.base_id in scope.bases]
    is_operators = message.conversation.channel.platform.is_operators
    if message.kind is not ChannelKind.PRIVATE or is_operators or context.level is Level.OWNER:
        return bases
    own = (SHARED, *homes_of(message))
    return [base for base in bases if base.name in own]


def require_near(context: CommandContext) -> None:
    """Raises `EmbedderTooFarError` where what is taught here may not go to the embedder."""
    if not context.embeds:
        raise EmbedderTooFarError(context.resources.disclosure.embedder_host)


async def home(context: CommandContext) -> KnowledgeBase:
    """The base that is taught here, made where there is none yet. Raises `NoSuchBaseError`."""
    name = home_of(context.message)
    if name is None:
        raise NoSuchBaseError(context.message.conversation.channel.channel_id)
    return await context.resources.library.ensure_base(name)


async def homes(context: CommandContext) -> list[KnowledgeBase]:
    """The bases that are this place's own, as far as they exist."""
    own = homes_of(context.message)
    return [base for base in await context.resources.library.bases() if base.name in own]


async def every_home(context: CommandContext) -> list[KnowledgeBase]:
    """The bases that this place ever taught, as far as they exist."""
    own = taught_in(context.message)
    return [base for base in await context.resources.library.bases() if base.name in own]


def title_of(context: CommandContext, base: str) -> str:
    """What a base is called where it is asked; the operator reads its name."""
    _ = context.words
    if context.message.conversation.channel.platform.is_operators:
        return inert(base)
    if base in homes_of(context.message):
        private = context.message.kind is ChannelKind.PRIVATE
        return _("Your own documents") if private else _("This channel's documents")
    if base == SHARED:
        return _("Documents for everybody")
    if ":server:" in base:
        return _("The server's documents")
    return inert(base)


async def document_named(context: CommandContext, name: str) -> Document:
    """A document that is asked here. Raises `NoSuchDocumentError`, with the names most like it."""
    library = context.resources.library
    bases = [base.base_id for base in await bases_of(context)]
    for base in bases:
        document = await library.document(base, name)
        if document is not None:
            return document
    raise NoSuchDocumentError(name, await library.near_names(bases, name))


async def own_document(context: CommandContext, name: str) -> tuple[KnowledgeBase, Document]:
    """A document of this place's own that the asker may take out.

    Moderators any; others what they added, or what was their own message. Raises
    `NoSuchDocumentError` and `NotAllowedError`.
    """
    library = context.resources.library
    own = await homes(context)
    for base in own:
        document = await library.document(base.base_id, name)
        if document is not None:
            if not await _may_remove(context, base, document):
                raise NotAllowedError(Level.MODERATOR.key)
            return base, document
    raise NoSuchDocumentError(name, await library.near_names([b.base_id for b in own], name))


async def _may_remove(context: CommandContext, base: KnowledgeBase, document: Document) -> bool:
    if context.level >= Level.MODERATOR or document.uploader_id == uploader_id(context.member):
        return True
    author = await context.resources.taught.author_of(base.name, document.name)
    return author == context.member.user_id


def uploader_id(member: MemberRef) -> str:
    """How documents know who added them."""
    return f"{member.platform.value}:{member.user_id}"
