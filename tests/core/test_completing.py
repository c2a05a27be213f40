from __future__ import annotations

from dataclasses import replace

import pytest

from core.commands import COMMANDS
from core.completing import MOST, Completions, matching
from core.errors import ForbiddenError
from core.events import Author, Invocation
from core.jobs import JobRows, Schedule
from core.notes import SUFFIX
from core.ports import Standing
from knowledge_base.errors import StorageBusyError
from tests.support.commanding import (
    ADMIN,
    MEMBER,
    MODERATOR,
    OTHER,
    OWNER,
    attachment,
    open_hall,
    spoken,
    whispered,
)


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        await hall.channels.change(spoken("").conversation.channel, "teachers", "everyone")
        await hall.types("/kb add", MEMBER, attachments=(attachment("泵站手册.pdf"),))
        await hall.types("/kb add", OTHER, attachments=(attachment("Garden rules.md"),))
        private = whispered("/kb add", OTHER, attachments=(attachment("diary.md"),))
        await hall.reply(private)
        yield hall


async def complete(hall, command, option, typed="", author=MEMBER, message=None, **options):
    completions = Completions(
        hall.library, hall.engines, hall.access, hall.sharing, hall.assistant.level
    )
    completions.jobs = JobRows(hall.database)
    message = message or spoken("", author)
    message = replace(message, command=Invocation(command, options))
    return list(await completions.complete(message, option, typed))


async def test_documents_complete_by_what_is_in_their_names(hall):
    show = ("kb show", "name")
    assert await complete(hall, *show, author=MODERATOR) == ["Garden rules.md", "泵站手册.pdf"]
    assert await complete(hall, *show, "手册", MODERATOR) == ["泵站手册.pdf"]
    assert await complete(hall, *show, "RULES", MODERATOR) == ["Garden rules.md"]
    assert await complete(hall, *show, "whales", MODERATOR) == []


async def test_nobody_is_offered_what_they_may_not_use(hall):
    assert await complete(hall, "kb show", "name") == []
    assert await complete(hall, "kb remove", "name") == ["泵站手册.pdf"]
    assert await complete(hall, "kb remove", "name", author=OTHER) == ["Garden rules.md"]
    assert len(await complete(hall, "kb remove", "name", author=MODERATOR)) == 2
    assert await complete(hall, "kb rename", "name", author=ADMIN) == []
    assert await complete(hall, "settings", "name", author=MODERATOR) == []
    bot = Author("x", "X", is_bot=True, is_channel_admin=True)
    assert await complete(hall, "settings", "name", author=bot) == []


async def test_nothing_of_another_place_is_offered(hall):
    elsewhere = replace(
        spoken("", MODERATOR),
        conversation=replace(
            spoken("").conversation,
            channel=replace(spoken("").conversation.channel, channel_id="f"),
        ),
    )
    assert await complete(hall, "kb show", "name", message=elsewhere) == []
    assert await complete(hall, "kb show", "name", message=whispered("", MEMBER)) == []
    assert await complete(hall, "kb show", "name", message=whispered("", OTHER)) == ["diary.md"]


async def test_channels_are_offered_where_somebody_was_met(hall):
    assert await complete(hall, "kb use", "channel", message=whispered("", MEMBER)) == [
        "none",
        "Fair / town",
    ]
    assert await complete(hall, "kb use", "channel") == []
    stranger = Author("new", "New")
    assert await complete(hall, "kb use", "channel", message=whispered("", stranger)) == ["none"]


async def test_a_channel_in_use_that_cannot_be_read_any_more_offers_nothing(hall):
    hall.outbox.standings["ada", "town"] = Standing(can_read=True)
    await hall.reply(whispered("/kb use town", MEMBER))
    show = ("kb show", "name")
    assert len(await complete(hall, *show, message=whispered("", MEMBER))) == 2
    hall.outbox.standings["ada", "town"] = Standing(can_read=False)
    assert await complete(hall, *show, message=whispered("", MEMBER)) == []


async def test_settings_and_their_values_complete(hall):
    assert await complete(hall, "settings", "name", "teach", ADMIN) == ["teachers"]
    values = await complete(hall, "settings", "value", "", ADMIN, name="teachers")
    assert values == ["moderators", "review", "everyone", "default"]
    assert await complete(hall, "settings", "value", "smol", ADMIN, name="engine") == ["smollm2"]
    assert await complete(hall, "settings", "value", "", ADMIN, name="nonsense") == []


async def test_models_and_bases_complete(hall):
    assert await complete(hall, "model", "name", "", ADMIN) == ["scripted", "smollm2"]
    await hall.types("/kb create handbook", OWNER)
    assert await complete(hall, "kb rename", "name", "", OWNER) == ["handbook"]


async def test_commands_complete_for_help_by_what_one_may(hall):
    assert "kb purge" not in await complete(hall, "help", "command", "kb")
    assert "kb purge" in await complete(hall, "help", "command", "kb", MODERATOR)


async def test_options_that_are_not_completed_offer_nothing(hall):
    assert await complete(hall, "ask", "question", "a") == []
    assert await complete(hall, "nonsense", "name", "a") == []
    message = spoken("")
    completions = Completions(
        hall.library, hall.engines, hall.access, hall.sharing, hall.assistant.level
    )
    assert await completions.complete(message, "name", "a") == ()


@pytest.mark.parametrize(
    ("command", "option"),
    [(own.name, option.name) for own in COMMANDS for option in own.options if option.completes],
)
async def test_every_option_that_completes_is_known_here(hall, command, option):
    await hall.types("/kb create handbook", OWNER)
    if command == "kb note":
        for name in (*(f"{n:02}.md" for n in range(MOST)), f"about the gate{SUFFIX}"):
            await hall.types("/kb add", OWNER, attachments=(attachment(name),))
    if command == "jobs":
        await JobRows(hall.database).ensure(Schedule("retention", "0 4 * * *"))
    if command == "kb undo":
        await hall.types("/kb add", OWNER, attachments=(attachment("gone.md"),))
        base = await hall.library.base("discord:town")
        await hall.library.remove(base.base_id, "gone.md", "act")
    if command == "kb detach":
        hall.outbox.standings["owner", "town"] = Standing(can_read=True, is_channel_admin=True)
        await hall.types("/kb attach handbook", OWNER)
    message = whispered("", OWNER) if command == "kb use" else None
    if command == "kb attach":
        elsewhere = spoken("", OWNER).conversation.channel
        far = replace(spoken("x", OWNER), conversation=replace(
            spoken("").conversation, channel=replace(elsewhere, channel_id="far")))  # fmt: skip
        await hall.reply(far)
    found = await complete(hall, command, option, "", OWNER, message, name="teachers")
    assert found


def test_at_most_as_many_as_fit_those_that_begin_so_first():
    values = [f"a{number}" for number in range(40)] + ["ba", "ＡＢ", "x" * 200, ""]
    found = matching(values, "a")
    assert len(found) == MOST
    assert matching(["ba", "ＡＢ", "ba"], "a") == ("ＡＢ", "ba")


@pytest.mark.parametrize(
    "error",
    [StorageBusyError(), ForbiddenError(spoken("").conversation), OSError("no disk")],
    ids=lambda error: type(error).__name__,
)
async def test_what_cannot_be_found_out_is_no_suggestion_and_a_line_in_the_log(hall, caplog, error):
    class Broken:
        async def names(self, *_args, **_options):
            raise error

    completions = Completions(
        Broken(), hall.engines, hall.access, hall.sharing, hall.assistant.level
    )
    message = replace(spoken("", MODERATOR), command=Invocation("kb show", {}))
    assert await completions.complete(message, "name", "a") == ()
    assert "nothing is suggested for name of /kb show" in caplog.text


async def test_a_keystroke_reads_no_more_than_what_is_suggested(hall, monkeypatch):
    async def everything(*_args):
        raise AssertionError("all documents are read")

    monkeypatch.setattr(hall.library, "documents", everything)
    for command in ("kb show", "kb remove"):
        assert await complete(hall, command, "name", "Gard", MODERATOR) == ["Garden rules.md"]
    assert await complete(hall, "kb share", "document", "手册", ADMIN) == ["泵站手册.pdf"]


async def test_a_name_that_is_not_there_is_compared_off_the_loop(hall):
    said = await hall.types('/kb show "Garden rule.md"', MODERATOR)
    assert "`Garden rules.md`" in said.text
    said = await hall.types("/kb remove 泵站手冊.pdf", MODERATOR)
    assert "泵站手册.pdf" in said.text
