"""Cards for moderators about uploads that wait: in their log channel, with its own rights."""

from __future__ import annotations

from core.envoy import Envoy
from core.events import Asked, MemberRef, MessageRef
from core.noticeboard import Board, Noticeboards
from core.permissions import Level
from core.replies import Menu
from core.reviews import Review, Reviews
from core.rights import Rights


class Cards:
    """Shows uploads where moderators read, and says what was decided wherever it was shown."""

    def __init__(
        self, reviews: Reviews, boards: Noticeboards, rights: Rights, envoy: Envoy
    ) -> None:
        self._reviews = reviews
        self._boards = boards
        self._rights = rights
        self._envoy = envoy

    async def board(self, asked: Asked) -> Board | None:
        """Where cards of this channel go instead of the channel itself."""
        board = await self._boards.of(asked)
        if board is None or board.conversation.channel == asked.conversation.channel:
            return None
        return board

    async def post(self, review: Review, board: Board, text: str, menu: Menu) -> bool:
        """False: nothing can be written there."""
        card = await self._envoy.post(board.conversation, text, (menu,))
        if card is None:
            return False
        await self._reviews.carded(review, card)
        return True

    async def level(self, review: Review, member: MemberRef) -> Level:
        """What somebody may do in the channel that the upload is for, as the platform says now."""
        if review.origin is None:
            return Level.BLOCKED
        return await self._rights.level(member, review.origin.conversation.channel)

    async def settle(self, review: Review, told: str, decided_at: MessageRef) -> None:
        """Say what was decided where it was not decided: on the card, or where it came from."""
        card, origin = review.card, review.origin
        if card is None:
            return
        if card.message_id != decided_at.message_id:
            await self._envoy.replace(card.conversation, card.message_id, told)
        elif origin is not None:
            await self._envoy.say(origin.conversation, told)
