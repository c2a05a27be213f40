"""What the console's pages work with, put together for as long as they are served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.adapters.web.desk import Desk
from bot.adapters.web.jobs import Jobs
from bot.adapters.web.leftovers import cleared, discard
from bot.adapters.web.shelves import Shelves
from bot.adapters.web.trial import Trial
from bot.folders import FollowedFolders
from bot.settings import Config
from core.commands.base import Resources
from core.ports import Inbox
from core.prompts import Prompts


@asynccontextmanager
async def knowledge_desk(
    config: Config, inbox: Inbox, resources: Resources, folders: FollowedFolders
) -> AsyncGenerator[Desk, None]:
    """Files that pages send are taken in until the context is left.

    What an earlier run left there, exported bases too, is nobody's any more, and what nobody takes
    within minutes neither.
    """
    uploads = config.data_dir / "uploads"
    await asyncio.to_thread(_empty, uploads)
    jobs = Jobs(inbox, uploads / "jobs")
    async with cleared(uploads, {jobs.folder.name}), jobs.working():
        shelves = Shelves(resources.library, resources.sightings)
        yield Desk(resources, shelves, jobs, uploads, folders.states)


def _empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        discard(path)


def trial_of(config: Config, desk: Desk) -> Trial:
    """Tries searches with what answers are made with."""
    folder = config.chat.prompt_folder
    return Trial(
        desk.resources,
        desk.shelves,
        Prompts(Path(folder) if folder else None),
        config.engine.max_answer_tokens,
        config.knowledge.relevance_threshold,
        config.chat.passages,
    )
