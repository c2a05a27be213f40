"""A process that answers questions until all are answered, or until it is killed.

Arguments: folder, number of questions, "keys" where the platform knows keys, else "plain".
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from core.database import Database
from core.dispatcher import Dispatcher
from core.events import Platform
from core.inbox import DurableInbox
from core.ports import Capabilities
from core.replies import Finished, TextDelta
from core.settings import DispatcherSettings
from tests.support.messages import conversation, private
from tests.support.recording_outbox import RecordingOutbox

LIMIT = 200
LATENCY = 0.004


def answer_to(number: int) -> list[str]:
    """Short ones and ones of several messages."""
    words = 4 + 9 * (number % 5)
    return [f"Word {word} of answer {number}. " for word in range(words)] + ["End."]


async def reply(message, stop):
    for piece in answer_to(int(message.message_id)):
        yield TextDelta(piece)
        await asyncio.sleep(0.01)
    yield Finished("stop")


async def main(folder: Path, questions: int, keys: bool) -> None:
    outbox = RecordingOutbox(
        Capabilities(LIMIT, edit_interval_private=0, can_deduplicate=keys),
        journal=folder / "journal",
        latency=LATENCY,
    )
    async with Database.open(folder / "lorekeeper.db") as database:
        settings = DispatcherSettings()
        dispatcher = Dispatcher(reply, {Platform.DISCORD: outbox}, database, settings)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await dispatcher.resume()
        for number in range(questions):
            # As an adapter fetches what came while we were away: everything, again and again.
            asked = private("?", str(number), user=f"u{number}", at=datetime.now(UTC))
            dispatcher.submit(replace(asked, conversation=conversation(f"dm-{number}")))
            await asyncio.sleep(0.01)
        inbox = DurableInbox(database)
        while await inbox.owed([Platform.DISCORD]):  # noqa: ASYNC110 - rows know no events
            await asyncio.sleep(0.02)
        await dispatcher.drain()
    outbox.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "keys"))
