"""The SDK's exceptions as the core's: what a platform did not take, and what can be done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import discord

from core.errors import (
    ChannelGoneError,
    DeliveryError,
    DeliveryRateLimitedError,
    ForbiddenError,
)
from core.events import ConversationRef

REQUEST_SECONDS: Final = 60.0
AWAY_SECONDS: Final = 5.0
"""How long to wait when Discord cannot be reached, or is ill."""
FAILURES: Final = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError)
"""What a request can fail with; that we have to wait too long is none of the SDK's own kinds."""
_CLOSED: Final = "Session is closed"
"""All that aiohttp says of it."""
_FORBIDDEN: Final = frozenset(
    {
        50001,  # missing access
        50007,  # cannot send messages to this user
        50013,  # missing permissions
        50083,  # the thread is archived
        50033,  # nobody is there to take it
        50278,  # no server in common
        160005,  # the thread is locked
    }
)


@asynccontextmanager
async def asking(conversation: ConversationRef) -> AsyncGenerator[None, None]:
    """Raise the core's `DeliveryError`s in place of the SDK's exceptions, and do not wait for ever.

    What may work later is a rate limit to the core: it waits, and comes again.
    """
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            yield
    except discord.RateLimited as error:
        raise DeliveryRateLimitedError(conversation, error.retry_after) from error
    except discord.HTTPException as error:
        raise _refusal(error, conversation) from error
    except (aiohttp.ClientError, OSError) as error:
        raise DeliveryRateLimitedError(conversation, AWAY_SECONDS) from error
    except RuntimeError as error:
        # The SDK has given the connection up, and with it the session that requests go through.
        # What waits here is sent by the next connection.
        if str(error) != _CLOSED:
            raise
        raise DeliveryRateLimitedError(conversation, AWAY_SECONDS) from error


def _refusal(error: discord.HTTPException, conversation: ConversationRef) -> DeliveryError:
    if isinstance(error, discord.Forbidden) or error.code in _FORBIDDEN:
        return ForbiddenError(conversation)
    if isinstance(error, discord.NotFound):
        return ChannelGoneError(conversation)
    if error.status == 429:
        return DeliveryRateLimitedError(conversation, _retry_after(error))
    if isinstance(error, discord.DiscordServerError):
        return DeliveryRateLimitedError(conversation, AWAY_SECONDS)
    return DeliveryError(conversation)


def _retry_after(error: discord.HTTPException) -> float:
    try:
        return max(1.0, float(error.response.headers.get("Retry-After", AWAY_SECONDS)))
    except ValueError:
        return AWAY_SECONDS
