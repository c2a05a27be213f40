"""Nothing blocks the event loop, however large the document."""

import asyncio
import time

import numpy as np
from reportlab.pdfgen.canvas import Canvas

from knowledge_base.library import Library
from knowledge_base.models import Scope, Upload
from knowledge_base.settings import KnowledgeSettings
from tests.support.hash_embeddings import HashEmbedder, hash_vector

PAGES = 300
LONGEST_TURN_SECONDS = 0.05


class ElsewhereEmbedder(HashEmbedder):
    """Works in a thread, as every real embedder does."""

    async def embed_documents(self, texts):
        return await asyncio.to_thread(
            lambda: np.stack([hash_vector(text, self.dimension) for text in texts])
        )


def write_pdf(path):
    canvas = Canvas(str(path))
    for page in range(PAGES):
        for line in range(40):
            text = f"Page {page}, line {line}: the keeper of bay {page * 40 + line} counts boats."
            canvas.drawString(60, 780 - 18 * line, text)
        canvas.showPage()
    canvas.save()


async def test_the_loops_thread_stays_free_while_300_pages_are_added_and_searched(tmp_path):
    write_pdf(tmp_path / "long.pdf")
    turns = []

    async def watch():
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            turns.append(now - before)
            before = now

    async with Library.open(tmp_path / "data", ElsewhereEmbedder(), KnowledgeSettings()) as library:
        base = (await library.ensure_base("harbour")).base_id
        adding = asyncio.create_task(
            library.add(base, Upload("long.pdf", tmp_path / "long.pdf")), name="add"
        )
        watching = asyncio.create_task(watch(), name="watch")
        scope = Scope(frozenset({base}))
        while not adding.done():
            await library.search(scope, "who counts boats in bay 4711?")
        added = await adding
        found = await library.search(scope, "who counts boats in bay 4711?")
        await library.quote("who counts boats in bay 4711?", found.passages)
        watching.cancel()
    assert added.document.pages == PAGES
    assert found.passages
    assert max(turns) <= LONGEST_TURN_SECONDS
