"""Pictures that come with questions: shown to models that see, named to others, kept nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from core.chat import Chat
from core.database import Database
from core.engines.base import ChatMessage, EngineEvent, GenerationOptions
from core.engines.choice import EngineChoice
from core.engines.extractive import ExtractiveEngine
from core.engines.queued import QueuedEngine
from core.errors import AttachmentTooLargeError, EngineUnavailableError
from core.events import Attachment, Author, IncomingMessage, Quoted
from core.history import History
from core.knowledge import Knowledge
from core.pictured import is_picture, kept_text, shows_only
from core.pictures import LARGEST_SIDE, side_for
from core.prompts import Prompts
from core.replies import Actions, Finished, Notice, Sources, TextDelta, TextReplaced
from core.settings import ChatSettings, EngineSettings
from knowledge_base.models import FileText, Section
from tests.support.messages import group, private
from tests.support.pictures import BLUE, GREEN, RED, drawn, is_about, looked_at
from tests.support.places import open_places
from tests.support.scripted_engine import Script, ScriptedEngine
from tests.support.shelf import Shelf

SEEN = "A red roof."
NOTED = "This is what the model sees in the picture; no document says it."


def photo(
    colour: tuple[int, ...] = RED,
    name: str = "roof.png",
    *,
    content: bytes | None = None,
    size: int | None = None,
    media_type: str = "image/png",
) -> Attachment:
    """A picture as a surface names it; fetching one that is too large ends as it does there."""
    whole = drawn(colour) if content is None else content

    async def save(path: Path, limit: int) -> None:
        if len(whole) > limit:
            raise AttachmentTooLargeError(name, limit, "knowledge.max_file_mb")
        await asyncio.to_thread(path.write_bytes, whole)

    return Attachment(f"id of {name}", name, media_type, size, save)


class Eyes(ScriptedEngine):
    """A model that sees: it looks at each picture when its turn has come, as a server would."""

    def __init__(self, *scripts: Script | str, **facts: object) -> None:
        super().__init__(*scripts or (SEEN,), **facts)  # type: ignore[arg-type]
        self.accepts_images = True
        self.seen: list[tuple[tuple[int, int], tuple[int, ...]]] = []
        self.paths: list[Path] = []
        self.looked = asyncio.Event()

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        for message in messages:
            for image in message.images:
                _, size, colour = looked_at(await asyncio.to_thread(image.path.read_bytes))
                assert size == (image.width, image.height)
                self.seen.append((size, colour))
                self.paths.append(image.path)
        self.looked.set()
        async with aclosing(super().stream(messages, options)) as events:
            async for event in events:
                yield event


class Room:
    """A chat over one document, and all that was said in it."""

    def __init__(self, database: Database) -> None:
        self.history = History(database)
        self.shelf = Shelf()
        self.shelf.put("shared", "garden.md", "The gate of the garden does open at nine.")
        self.places = open_places(database, self.shelf)
        self.queues: list[QueuedEngine] = []

    async def ask(
        self,
        engine: ScriptedEngine,
        message: IncomingMessage,
        *,
        standing_in: Sequence[ScriptedEngine] = (),
        reads_pictures: bool = False,
        **changes: int,
    ) -> Reply:
        engines = {
            one.name: QueuedEngine.of(one, EngineSettings()) for one in (engine, *standing_in)
        }
        quoting = QueuedEngine.of(ExtractiveEngine(self.shelf.quote), EngineSettings())
        self.queues += [*engines.values(), quoting]
        chat = Chat(
            Knowledge(
                self.shelf,
                self.places.access,
                self.places.channels,
                reads_pictures=reads_pictures,
            ),
            EngineChoice(engines, engine.name, quoting, fallbacks={engine.name: [*engines][1:]}),
            self.history,
            Prompts(),
            ChatSettings(passages=2, **changes),
            200,
        )
        reply = Reply()
        async with aclosing(chat.answer(message)) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        reply.text += text
                    case TextReplaced(text):
                        reply.text = text
                    case Notice(text):
                        reply.notices.append(text)
                    case Sources():
                        reply.sources = event
                    case Finished():
                        reply.finished = True
                    case Actions():
                        pass
        return reply


class Reply:
    """What an asker got."""

    def __init__(self) -> None:
        self.text = ""
        self.notices: list[str] = []
        self.sources: Sources | None = None
        self.finished = False


@pytest.fixture
async def room(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        room = Room(database)
        yield room
        for queue in room.queues:
            await queue.aclose()


def with_photos(text: str, *photos: Attachment, **facts: str) -> IncomingMessage:
    return replace(group(text, **facts), attachments=photos)


async def test_a_model_that_sees_is_shown_the_picture_and_no_gate_refuses_it(room):
    engine = Eyes()
    reply = await room.ask(engine, with_photos("What colour has this roof?", photo()))
    ((size, colour),) = engine.seen
    assert size == (640, 480)
    assert is_about(colour, RED)
    assert reply.text == SEEN
    assert reply.notices == [NOTED]
    assert reply.sources == Sources(())
    assert reply.finished
    (system, user) = engine.calls[0].messages
    assert "Answer from the picture that comes with the question" in system.text
    assert user.images[0].name == "roof.png"


async def test_documents_that_are_about_it_go_along_and_are_cited(room):
    engine = Eyes("It opens at nine [1].")
    asked = "When does the gate of the garden open?"
    reply = await room.ask(engine, with_photos(asked, photo()))
    assert len(engine.seen) == 1
    assert reply.notices == []
    assert reply.text == "It opens at nine [1]."
    assert [source.cited for source in reply.sources.passages] == [True]
    assert "passages and pictures" in engine.calls[0].messages[0].text


async def test_a_picture_without_words_asks_what_is_on_it_in_the_askers_language(room):
    engine = Eyes("一个红色的屋顶。")
    message = replace(with_photos("", photo()), locale="zh-CN")
    reply = await room.ask(engine, message)
    assert engine.calls[0].messages[-1].text.endswith("这张图片里能看到什么？")
    assert reply.text == "一个红色的屋顶。"
    assert reply.notices == ["这是模型在图片里看到的，没有文档这样说。"]
    assert room.shelf.searched == []


async def test_the_quoted_messages_picture_is_shown_after_the_askers_own(room):
    engine = Eyes()
    quoted = Quoted("7", Author("ben", "Ben"), "my house", attachments=(photo(BLUE),))
    message = replace(with_photos("Whose is larger?", photo(GREEN)), quoted=quoted)
    await room.ask(engine, message)
    assert [is_about(seen, to) for (_, seen), to in zip(engine.seen, (GREEN, BLUE), strict=True)]
    assert is_about(engine.seen[0][1], GREEN)
    assert is_about(engine.seen[1][1], BLUE)


async def test_a_model_that_does_not_see_fetches_nothing_and_says_so(room):
    unwanted = photo(content=b"never fetched")
    asked = "When does the gate of the garden open?"
    reply = await room.ask(ScriptedEngine("It opens at nine [1]."), with_photos(asked, unwanted))
    assert reply.text == "It opens at nine [1]."
    assert reply.notices == [
        "The model `scripted` cannot see pictures, so I did not look at `roof.png`."
    ]


async def test_nothing_but_pictures_for_a_blind_model_is_answered_with_that_alone(room):
    engine = ScriptedEngine()
    reply = await room.ask(engine, replace(with_photos("", photo()), locale="zh"))
    assert reply.text == "模型 `scripted` 看不了图片，因此我没有看 `roof.png`。"
    assert reply.finished
    assert engine.calls == []


async def test_where_the_library_reads_pictures_their_text_serves_a_blind_model(room):
    engine = ScriptedEngine("Forty crowns [1].")
    sign = photo(content=b"Entry costs forty crowns.", name="sign.png")
    reply = await room.ask(engine, with_photos("", sign), reads_pictures=True)
    assert reply.text == "Forty crowns [1]."
    assert reply.notices == ["I read `sign.png` for this question alone and did not keep it."]
    assert [source.passage.document.name for source in reply.sources.passages] == ["sign.png"]
    seeing = Eyes()
    await room.ask(seeing, with_photos("What is it?", photo()), reads_pictures=True)
    assert len(seeing.seen) == 1


SCREEN = Section("Fault forty-two: the lantern pump stands still")


@pytest.mark.parametrize("asked", ["What do I do about this?", ""])
@pytest.mark.parametrize("sees", [False, True])
async def test_what_is_written_on_a_picture_is_searched_for_with_the_question(
    room, monkeypatch, asked, sees
):
    async def read(_upload):
        return FileText((SCREEN,))

    monkeypatch.setattr(room.shelf, "read", read)
    room.shelf.put("shared", "pump.md", "Fault forty-two: the lantern pump needs oil.")
    engine = Eyes("Oil it [1].") if sees else ScriptedEngine("Oil it [1].")
    reply = await room.ask(engine, with_photos(asked, photo()), reads_pictures=True)
    assert reply.finished
    given = "".join(message.text for message in engine.calls[-1].messages)
    assert "the lantern pump needs oil" in given
    assert ("stands still" in given) is not sees


@pytest.mark.parametrize("facts", [{"trusted": False}, {"quotes": True}, {"languages": {"zh"}}])
async def test_who_is_not_relied_on_or_does_not_write_it_is_shown_nothing(room, facts):
    engine = Eyes("?", **facts)
    asked = "When does the gate of the garden open?"
    reply = await room.ask(engine, with_photos(asked, photo()))
    assert engine.seen == []
    assert "cannot see pictures" in reply.notices[0]


async def test_more_pictures_than_a_question_takes_are_told(room):
    engine = Eyes()
    reply = await room.ask(engine, with_photos("And?", *[photo()] * 6), max_pictures=2)
    assert len(engine.seen) == 2
    assert "I looked at the first 2 pictures only." in reply.notices


async def test_what_is_no_picture_or_too_large_is_told_and_the_rest_is_shown(room):
    photos = (
        photo(content=b"%PDF-1.7 not a picture", name="a.png"),
        photo(content=drawn(size=(300, 300))[:200], name="b.png"),
        photo(size=5 << 20, name="c.png"),
        photo(content=b"x" * (2 << 20), name="d.png"),
        photo(GREEN, name="e.png"),
    )
    engine = Eyes()
    reply = await room.ask(
        engine, with_photos("What is this?", *photos), max_pictures=8, max_picture_mb=1
    )
    assert len(engine.seen) == 1
    notices = dict(zip("abcd", reply.notices, strict=False))
    assert "not supported" in notices["a"]
    assert "`b.png`" in notices["b"]
    assert "`chat.max_picture_mb`" in notices["c"]
    assert "`chat.max_picture_mb`" in notices["d"]


async def test_a_picture_that_cannot_be_read_and_no_words_end_with_the_reason(room):
    engine = Eyes()
    reply = await room.ask(engine, with_photos("", photo(content=b"%PDF-1.7 no")))
    assert "not supported" in reply.text
    assert reply.finished
    assert engine.calls == []


async def test_pictures_are_gone_when_the_answer_is_there(room):
    engine = Eyes()
    await room.ask(engine, with_photos("And this?", photo()))
    (path,) = engine.paths
    assert not path.parent.parent.exists()


async def test_pictures_are_gone_when_the_asker_leaves(room):
    gate = asyncio.Event()
    engine = Eyes(Script(("A", "red"), gates={1: gate}))
    asking = asyncio.create_task(room.ask(engine, with_photos("And this?", photo())))
    await engine.looked.wait()
    asking.cancel()
    await asyncio.wait({asking})
    assert not engine.paths[0].parent.parent.exists()


async def test_of_a_picture_the_history_keeps_that_there_was_one(room):
    engine = Eyes("A red roof.", "Blue.")
    await room.ask(engine, replace(private("What is this?", "1"), attachments=(photo(),)))
    await room.ask(engine, private("and when does the gate open?", "2"))
    turns = [message.text for message in engine.calls[1].messages[1:-1]]
    assert turns == ["What is this? [picture]", "A red roof."]
    assert not engine.calls[1].messages[-1].images
    assert not any("[picture]" in searched for searched in room.shelf.searched)


async def test_a_model_that_sees_nothing_of_the_kind_refuses(room):
    reply = await room.ask(
        Eyes("The documents do not say."), with_photos("Who painted this?", photo())
    )
    assert reply.text == "Neither the picture nor the documents here say it."
    assert reply.sources.refused
    assert reply.notices == []


async def test_a_model_that_fails_at_a_picture_alone_is_not_replaced_by_quotations(room):
    engine = Eyes(Script((), fail={0: EngineUnavailableError("scripted")}))
    with pytest.raises(EngineUnavailableError):
        await room.ask(engine, with_photos("What colour has this roof?", photo()))


def broken() -> Script:
    return Script((), fail={0: EngineUnavailableError("scripted")})


async def test_where_a_model_fails_at_a_picture_the_next_that_sees_answers(room):
    blind, second = ScriptedEngine(name="blind"), Eyes(name="second")
    reply = await room.ask(
        Eyes(broken()),
        with_photos("What colour has this roof?", photo()),
        standing_in=(blind, second),
    )
    assert reply.text == SEEN
    assert reply.notices == ["The model `scripted` does not answer; `second` answers.", NOTED]
    assert (blind.asked, len(second.seen)) == (0, 1)


async def test_a_blind_stand_in_takes_no_picture_from_those_behind_it(room):
    blind, third = ScriptedEngine(broken(), name="blind"), Eyes("At nine [1].", name="third")
    await room.ask(
        Eyes(broken()),
        with_photos("When does the gate of the garden open?", photo()),
        standing_in=(blind, third),
    )
    assert not blind.calls[0].messages[-1].images
    assert len(third.seen) == 1


async def test_pictures_are_made_to_fit_what_the_model_reads_at_once(room):
    engine = Eyes(context_window=2048)
    large = photo(content=drawn(size=(4000, 4000)))
    await room.ask(engine, with_photos("And these?", large, large))
    for size, _ in engine.seen:
        assert size == (side_for(2, 2048),) * 2
    assert side_for(1, 131_072) == LARGEST_SIDE
    assert side_for(4, 8192) < side_for(1, 8192) <= LARGEST_SIDE


def test_a_file_is_a_picture_by_its_type_or_else_by_its_name():
    def named(name: str, kind: str) -> Attachment:
        return replace(photo(), filename=name, media_type=kind)

    assert is_picture(named("a", "image/webp"))
    assert is_picture(named("a.jpg", "application/octet-stream"))
    assert not is_picture(named("a.svg", "image/svg+xml"))
    assert not is_picture(named("a.jpg", "text/plain"))


def test_what_shows_only_pictures_says_nothing_and_brings_nothing_else():
    report = replace(photo(), filename="a.md", media_type="text/markdown")
    quoted = Quoted("7", Author("ben", "Ben"), "", attachments=(photo(),))
    assert shows_only(with_photos("", photo()))
    assert shows_only(replace(group(""), quoted=quoted))
    assert not shows_only(replace(group(""), quoted=replace(quoted, text="my house")))
    assert not shows_only(with_photos("", photo(), report))
    assert not shows_only(with_photos("so?", photo()))
    assert not shows_only(group(""))
    assert kept_text(with_photos("这是什么？", photo())) == "这是什么？ [图片]"
    assert kept_text(with_photos("", photo())) == "[picture]"
