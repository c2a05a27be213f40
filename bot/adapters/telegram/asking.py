"""Questions to one person: their client, and nobody else's, offers them to reply."""

from __future__ import annotations

from telegram import Bot, ForceReply, Message, MessageEntity, ReplyParameters, User

from bot.adapters.telegram.calls import Calls
from bot.adapters.telegram.messages import NO_PREVIEW, Messages, entities_of, topic_of
from bot.adapters.telegram.render import Rendered, render
from core.events import Author, ConversationRef
from core.text import utf16_length


class Asking:
    """Sends what is to be replied to. In a group it replies to who is asked, or names them: that is
    what makes their client, and no other, open a reply."""

    def __init__(self, bot: Bot, calls: Calls) -> None:
        self._bot = bot
        self._messages = Messages(bot, calls)

    async def ask(
        self, to: ConversationRef, text: str, of: Author, reply: ReplyParameters | None = None
    ) -> str:
        """The id of the question."""
        in_group = int(to.channel.channel_id) < 0
        # Anonymous administrators have no name of their own.
        named = in_group and reply is None and of.user_id.isdecimal()
        before = f"{of.display_name}: " if named else ""
        shift = utf16_length(before)

        async def request(chat_id: int, shown: Rendered) -> Message:
            spans = [
                MessageEntity(
                    span.type, span.offset + shift, span.length, url=span.url,
                    language=span.language,
                )
                for span in entities_of(shown)
            ]  # fmt: skip
            if named:
                asked = User(int(of.user_id), of.display_name, is_bot=False)
                length = utf16_length(of.display_name)
                spans.insert(0, MessageEntity(MessageEntity.TEXT_MENTION, 0, length, user=asked))
            return await self._bot.send_message(
                chat_id,
                before + shown.text,
                entities=spans,
                link_preview_options=NO_PREVIEW,
                message_thread_id=topic_of(to),
                reply_parameters=reply,
                reply_markup=ForceReply(selective=in_group or None),
            )

        sent = await self._messages.show(to, render(text), text, request)
        return str(sent.message_id)
