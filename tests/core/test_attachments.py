from __future__ import annotations

import pytest

from core.attachments import LONGEST_PASSAGE, MOST_PASSAGES, read
from core.chat import Chat
from core.engines.choice import EngineChoice
from core.engines.extractive import ExtractiveEngine
from core.engines.queued import QueuedEngine
from core.knowledge import Knowledge
from core.language import words
from core.prompts import Prompts
from core.replies import Notice, Sources, TextDelta, TextReplaced
from core.settings import ChatSettings, EngineSettings
from tests.support.commanding import MODERATOR, attachment, open_hall, spoken
from tests.support.plain_reader import PICTURED

_ = words("en")


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        yield hall


async def read_all(hall, *files, question="When do the gates open?", **facts):
    message = spoken(question, attachments=files, **facts)
    return await read(files, question, hall.library, 1, words(message.locale))


async def test_a_file_is_read_for_its_question_and_not_kept(hall):
    found = await read_all(hall, attachment("手册.md", "Gates open at nine."))
    (passage,) = found.passages
    assert passage.chunk.text == "Gates open at nine."
    assert passage.document.name == "手册.md"
    assert passage.chunk.chunk_id < 0
    assert found.notices == ("I read `手册.md` for this question alone and did not keep it.",)
    assert await hall.documents() == []


async def test_of_a_long_file_the_parts_that_fit_are_read_and_that_is_told(hall):
    parts = [f"Chapter {number} is about cows." * 40 for number in range(20)]
    parts[13] = "The gates open at nine."
    found = await read_all(hall, attachment("long.md", "\n\n".join(parts)))
    assert len(found.passages) == MOST_PASSAGES
    assert any("The gates open at nine." in p.chunk.text for p in found.passages)
    assert [p.chunk.ordinal for p in found.passages] == sorted(
        p.chunk.ordinal for p in found.passages
    )
    assert all(len(p.chunk.text) <= LONGEST_PASSAGE + 2 for p in found.passages)
    (notice,) = found.notices
    assert f"I used the {MOST_PASSAGES} of its" in notice


async def test_what_cannot_be_read_is_told(hall):
    fetched: list[str] = []
    files = (
        attachment("big.md", size=1 << 30, fetched=fetched),
        attachment("empty.md", " \n\n ", fetched=fetched),
    )
    found = await read_all(hall, *files)
    assert found.passages == ()
    assert "larger than the 1 MB" in found.notices[0]
    assert found.notices[1] == "There is no text in `empty.md`."
    assert fetched == ["empty.md"]


async def test_more_files_than_a_question_takes_are_told(hall):
    found = await read_all(hall, *(attachment(f"{number}.md") for number in range(7)))
    assert len(found.passages) == 5
    assert found.notices[-1] == "I read the first 5 files only."


async def test_it_speaks_chinese(hall):
    found = await read_all(hall, attachment("a.md"), locale="zh-CN")
    assert found.notices == ("我只为这个问题读取了 `a.md`，没有保存。",)


async def test_an_answer_quotes_the_file_that_came_with_the_question(hall):
    await hall.types("/kb add", MODERATOR, attachments=(attachment("b.md", "Cows graze."),))
    engine = QueuedEngine.of(ExtractiveEngine(hall.library.quote), EngineSettings())
    chat = Chat(
        Knowledge(hall.library, hall.access, hall.channels, 1),
        EngineChoice({"extractive": engine}, "extractive", engine),
        hall.resources.history,
        Prompts(None),
        ChatSettings(),
    )
    message = spoken(
        "When do the gates open?", attachments=(attachment("a.md", "The gates open at nine."),)
    )
    events = [event async for event in chat.answer(message)]
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert "I read `a.md` for this question alone and did not keep it." in notices
    text = "".join(e.text for e in events if isinstance(e, TextDelta | TextReplaced))
    assert "The gates open at nine." in text
    (sources,) = [event for event in events if isinstance(event, Sources)]
    assert sources.passages[0].passage.document.name == "a.md"
    assert not sources.refused
    assert await hall.documents() == ["b.md"]


@pytest.mark.parametrize(
    ("locale", "named"),
    [
        ("en", "did not keep it. Pages 2–3 are pictures and were not read: whoever runs me"),
        ("zh-CN", "没有保存。 第 2–3 页是图片，没有读取"),
    ],
)
async def test_pages_that_could_not_be_read_are_named(hall, locale, named):
    file = attachment("plan.pdf", f"Gates open at nine.\n\n{PICTURED}\n\n{PICTURED}")
    found = await read_all(hall, file, locale=locale)
    assert [passage.chunk.text for passage in found.passages] == ["Gates open at nine."]
    (notice,) = found.notices
    assert named in notice
