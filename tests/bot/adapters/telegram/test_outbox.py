"""What the bot says on Telegram, as the local server takes, refuses and shows it."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import pytest

from bot.adapters.telegram.client import TelegramListener
from bot.adapters.telegram.outbox import TAKEN_AWAY, TelegramOutbox
from core.errors import (
    ChannelGoneError,
    ConversationMovedError,
    DeliveryError,
    DeliveryRateLimitedError,
    ForbiddenError,
)
from core.events import (
    ActionPressed,
    ChannelRef,
    ConversationRef,
    InteractionRef,
    MessageRef,
    Platform,
)
from core.ports import Right, Standing
from core.replies import Button, Menu
from tests.platforms.telegram_server.calls import ServerOptions
from tests.platforms.telegram_server.flood import FloodLimits
from tests.platforms.telegram_server.model import Chat, Message
from tests.platforms.telegram_server.people import Person
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.telegram import NotedEvents, listener_for, listening

DONE = Menu(
    (Button("sources", "Sources"), Button("up", "👍"), Button("delete", "Delete", "danger"))
)


@dataclass
class Scene:
    telegram: FakeTelegram
    listener: TelegramListener
    inbox: NotedEvents
    ada: Person
    bob: Person
    group: Chat

    @property
    def outbox(self) -> TelegramOutbox:
        return self.listener.outbox

    def of(self, chat: Chat, topic: int | None = None) -> ConversationRef:
        channel = ChannelRef(Platform.TELEGRAM, str(chat.chat_id))
        return ConversationRef(channel, str(topic) if topic else None)

    async def says(self, chat: Chat, text: str, **options: object) -> Message:
        sent = await self.outbox.send(self.of(chat), text, **options)
        return chat.messages[int(sent)]


async def _scene(telegram: FakeTelegram, **settings: object) -> AsyncGenerator[Scene]:
    async with telegram:
        ada, bob = telegram.user("Ada", language="zh"), telegram.user("Bob")
        group = telegram.supergroup("Readers", ada, bob)
        ada.start()
        async with listening(listener_for(telegram, **settings)) as (listener, inbox):
            await inbox.message("/help")
            yield Scene(telegram, listener, inbox, ada, bob, group)


@pytest.fixture
async def scene() -> AsyncGenerator[Scene]:
    async for scene in _scene(FakeTelegram()):
        yield scene


@pytest.fixture
async def old_scene() -> AsyncGenerator[Scene]:
    """A server that knows neither drafts nor messages for one person."""
    async for scene in _scene(FakeTelegram(options=ServerOptions(version=(9, 0)))):
        yield scene


async def test_what_is_sent_can_be_edited_and_taken_back(scene):
    question = scene.bob.say(scene.group, "@lorekeeper_bot?")
    ref = MessageRef(scene.of(scene.group), str(question.message_id))
    message = await scene.says(scene.group, "▌", reply_to=ref, menus=(DONE,))
    assert message.reply_to is question
    assert message.buttons == ["Sources", "👍", "Delete"]
    await scene.outbox.edit(scene.of(scene.group), str(message.message_id), "`Bob` did.")
    assert (message.text, message.buttons) == ("Bob did.", [])
    # That nothing changes is no error.
    await scene.outbox.edit(scene.of(scene.group), str(message.message_id), "`Bob` did.")
    await scene.outbox.delete(scene.of(scene.group), str(message.message_id))
    assert message.deleted


async def test_of_what_is_too_old_to_be_deleted_the_words_and_the_buttons_go(scene):
    message = await scene.says(scene.group, "Ada lives in Rome.", menus=(DONE,))
    message.date -= 3 * 86_400
    for _ in range(2):  # Twice does no harm.
        await scene.outbox.delete(scene.of(scene.group), str(message.message_id))
    assert (message.text, message.buttons, message.deleted) == (TAKEN_AWAY, [], False)
    file = await scene.outbox.send_file(scene.of(scene.group), "answer.md", b"Rome")
    scene.group.messages[int(file)].date -= 3 * 86_400
    with pytest.raises(ChannelGoneError):
        await scene.outbox.delete(scene.of(scene.group), file)
    scene.ada.promote_bot(scene.group)
    await scene.outbox.delete(scene.of(scene.group), str(message.message_id))
    assert message.deleted


async def test_a_question_that_is_gone_is_answered_all_the_same(scene):
    ref = MessageRef(scene.of(scene.group), "4711")
    message = await scene.says(scene.group, "here", reply_to=ref)
    assert message.reply_to is None


async def test_a_choice_has_its_label_above_and_a_mark_on_what_holds(scene):
    options = tuple(Button(f"set:lang:{code}", name) for code, name in
                    (("en", "English"), ("zh", "中文"), ("auto", "As the question")))  # fmt: skip
    menu = Menu(options, label="Language", chosen="set:lang:zh")
    message = await scene.says(scene.group, "Settings", menus=(menu, DONE))
    labels = [[button["text"] for button in row] for row in message.keyboard]
    assert labels == [
        ["Language"],
        ["English", "✓ 中文"],
        ["As the question"],
        ["Sources", "👍", "Delete"],
    ]
    assert await scene.ada.press(message, "Language") == ""
    assert scene.inbox.of(ActionPressed) == []
    scene.ada.push_button(message, "✓ 中文")
    pressed = await scene.inbox.one(ActionPressed)
    assert pressed.action == "set:lang:zh"


async def test_failures_become_the_cores_own(scene):
    gone = ConversationRef(ChannelRef(Platform.TELEGRAM, "-100999"))
    with pytest.raises(ChannelGoneError):
        await scene.outbox.send(gone, "x")
    with pytest.raises(ChannelGoneError):
        await scene.outbox.edit(scene.of(scene.group), "4711", "x")
    with pytest.raises(ChannelGoneError):
        await scene.outbox.delete(scene.of(scene.group), "4711")
    with pytest.raises(ChannelGoneError):
        await scene.outbox.send(scene.of(scene.group, topic=99), "x")
    scene.ada.mute_bot(scene.group)
    with pytest.raises(ForbiddenError):
        await scene.outbox.send(scene.of(scene.group), "x")
    scene.ada.kick_bot(scene.group)
    with pytest.raises(ForbiddenError):
        await scene.outbox.send(scene.of(scene.group), "x")
    scene.ada.block()
    with pytest.raises(ForbiddenError):
        await scene.outbox.send(scene.of(scene.ada.private), "x")


async def test_being_asked_to_wait_is_left_to_the_pacer_and_no_error_in_the_log(scene, caplog):
    scene.telegram.flood(scene.group, 7)
    with pytest.raises(DeliveryRateLimitedError) as caught:
        await scene.outbox.send(scene.of(scene.group), "x")
    assert 0 < caught.value.retry_after <= 7
    # Other chats go on.
    await scene.says(scene.ada.private, "meanwhile")
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_a_gateways_hiccup_is_tried_again(scene):
    scene.telegram.faults.fail("sendMessage", times=1)
    message = await scene.says(scene.group, "through")
    assert message.text == "through"


async def test_formatting_that_is_refused_goes_as_it_was_written(scene):
    scene.telegram.faults.fail("sendMessage", 400, "Bad Request: can't parse entities: why ever")
    message = await scene.says(scene.group, "**bold** @ada")
    assert (message.text, message.entities) == ("**bold** @\u2060ada", [])


async def test_nobody_is_mentioned_and_nothing_is_previewed(scene):
    message = await scene.says(scene.group, "@bob look at https://example.org")
    assert [entity["type"] for entity in message.entities if entity["type"] == "mention"] == []
    call = scene.telegram.calls("sendMessage")[-1]
    assert '"is_disabled": true' in str(call.parameters["link_preview_options"]).replace(
        "True", "true"
    ).replace("'", '"')


async def test_a_file_goes_into_its_topic(scene):
    forum = scene.telegram.supergroup("Forum", scene.ada, is_forum=True)
    topic = scene.ada.open_topic(forum, "Rules")
    there = scene.of(forum, topic.thread_id)
    sent = await scene.outbox.send_file(there, "answer.md", "# 答案".encode())
    message = forum.messages[int(sent)]
    assert message.topic == topic.thread_id
    assert [(file.name, file.content.decode()) for file in message.files] == [
        ("answer.md", "# 答案")
    ]


async def test_typing_is_shown(scene):
    await scene.outbox.typing(scene.of(scene.ada.private))
    assert scene.ada.private.actions == ["typing"]


async def test_drafts_grow_in_private_and_nowhere_else(scene):
    assert await scene.outbox.draft(scene.of(scene.ada.private), "1", "**So** fa")
    assert await scene.outbox.draft(scene.of(scene.ada.private), "1", "**So** far")
    assert scene.ada.private.drafts == [(1, "So fa"), (1, "So far")]
    assert not await scene.outbox.draft(scene.of(scene.group), "1", "x")


async def test_an_older_server_is_asked_for_drafts_once(old_scene):
    for _ in range(3):
        assert not await old_scene.outbox.draft(old_scene.of(old_scene.ada.private), "1", "x")
    assert len(old_scene.telegram.calls("sendMessageDraft")) == 1


async def _pressed(scene: Scene, message: Message, person: Person) -> InteractionRef:
    scene.inbox.events.clear()
    scene.press = person.push_button(message, "Sources")
    event = await scene.inbox.one(ActionPressed)
    assert event.interaction is not None
    return event.interaction


async def test_a_short_word_for_one_is_an_alert(scene):
    message = await scene.says(scene.group, "answer", menus=(DONE,))
    interaction = await _pressed(scene, message, scene.bob)
    await scene.outbox.reveal(interaction, "Only the **asker** may do that.")
    assert (scene.press.text, scene.press.answered) == ("Only the asker may do that.", True)
    # A second one has no alert left: it is a message.
    await scene.outbox.reveal(interaction, "And this.")
    assert [m.text for m in scene.telegram.whispers(scene.group, scene.bob)] == ["And this."]


LONG = "[1] `rules.pdf` · page 3\n> " + "The library opens at nine. " * 20


async def test_a_long_word_for_one_is_shown_to_that_one_where_the_server_can(scene):
    message = await scene.says(scene.group, "answer", menus=(DONE,))
    await scene.outbox.reveal(await _pressed(scene, message, scene.bob), LONG)
    assert scene.press.answered
    whispers = scene.telegram.whispers(scene.group, scene.bob)
    assert len(whispers) == 1
    assert "opens at nine" in whispers[0].text
    assert "opens at nine" not in scene.telegram.transcript(scene.group)


async def test_an_older_server_shows_it_folded_and_only_once(old_scene):
    scene = old_scene
    message = await scene.says(scene.group, "answer", menus=(DONE,))
    await scene.outbox.reveal(await _pressed(scene, message, scene.bob), LONG)
    shown = scene.group.shown[-1]
    assert shown.reply_to is message
    assert shown.entities[0]["type"] == "expandable_blockquote"
    await scene.outbox.reveal(await _pressed(scene, message, scene.ada), LONG)
    assert scene.group.shown[-1] is shown
    assert scene.press.text == "上面已经显示过了。"


async def test_in_private_it_is_a_message(scene):
    message = await scene.says(scene.ada.private, "answer", menus=(DONE,))
    await scene.outbox.reveal(await _pressed(scene, message, scene.ada), LONG, menus=(DONE,))
    shown = scene.ada.private.shown[-1]
    assert "opens at nine" in shown.text
    assert shown.buttons == ["Sources", "👍", "Delete"]


async def test_where_the_bot_may_not_write_any_more_it_comes_privately(scene):
    message = await scene.says(scene.group, "answer", menus=(DONE,))
    interaction = await _pressed(scene, message, scene.ada)
    scene.ada.mute_bot(scene.group)
    await scene.outbox.reveal(interaction, LONG)
    assert "opens at nine" in scene.telegram.transcript(scene.ada.private)


async def test_a_press_that_nobody_answers_is_answered_in_time(scene):
    scene.listener._presses._acknowledge_seconds = 0.05
    message = await scene.says(scene.group, "answer", menus=(DONE,))
    assert await scene.bob.press(message, "Sources") == ""
    event = await scene.inbox.one(ActionPressed)
    answer = await scene.says(scene.group, "a reply", reply_to=event.interaction)
    assert answer.reply_to is message


async def test_what_is_too_long_ago_is_not_shown_to_anybody(scene):
    before = scene.telegram.transcript(scene.group)
    await scene.outbox.reveal(InteractionRef(Platform.TELEGRAM, "unknown"), LONG)
    assert scene.telegram.transcript(scene.group) == before


async def test_the_private_chat_with_a_member(scene):
    to = await scene.outbox.direct(str(scene.ada.user_id))
    assert to == scene.of(scene.ada.private)
    with pytest.raises(ForbiddenError):
        await scene.outbox.direct(str(scene.bob.user_id))
    with pytest.raises(DeliveryError):
        await scene.outbox.direct("123456789")


async def test_leaving_a_group_twice_is_leaving_it(scene):
    await scene.outbox.leave(str(scene.group.chat_id))
    assert not scene.group.has(scene.telegram.bot.account.user_id)
    await scene.outbox.leave(str(scene.group.chat_id))


async def test_telegram_says_who_reads_a_group_where_the_bot_administers_it(scene):
    eve = scene.telegram.user("Eve")
    group = scene.of(scene.group).channel

    async def reads(person: Person) -> bool | None:
        return await scene.outbox.is_member(str(person.user_id), group)

    # Of administrators it tells everybody.
    assert await scene.outbox.standing(str(scene.ada.user_id), group) == Standing(
        can_read=True, is_channel_admin=True, is_moderator=True
    )
    assert (await reads(scene.bob), await reads(eve)) == (None, None)
    scene.ada.promote_bot(scene.group)
    assert (await reads(scene.ada), await reads(scene.bob), await reads(eve)) == (True, True, False)
    scene.bob.leave(scene.group)
    assert await reads(scene.bob) is False
    scene.ada.kick_bot(scene.group)
    assert await reads(scene.ada) is None
    own = scene.of(scene.ada.private).channel
    assert await scene.outbox.is_member(str(scene.ada.user_id), own) is True
    assert await scene.outbox.is_member(str(scene.bob.user_id), own) is False


async def test_calls_stay_within_what_holds_for_all_chats_at_once():
    limits = FloodLimits(group=None, private=None, overall=(31, 1.0))
    async for scene in _scene(FakeTelegram(limits=limits)):
        for number in range(40):
            await scene.says(scene.group, f"message {number}")
        assert scene.telegram.flood_violations == 0


async def test_a_groups_budget_follows_from_the_configuration():
    async for scene in _scene(FakeTelegram(), group_messages_per_minute=10):
        can = scene.outbox.capabilities
        assert (can.edit_interval_group, can.edit_interval_private) == (6.0, 1.0)
        assert (can.max_text, can.max_download, can.max_upload) == (4096, 20 << 20, 50_000_000)
    async for scene in _scene(FakeTelegram(), local_mode=True):
        can = scene.outbox.capabilities
        assert (can.max_download, can.max_upload) == (None, 2_000_000_000)


async def test_messages_of_supergroups_have_addresses(scene):
    chat = scene.of(scene.group)
    number = chat.channel.channel_id.removeprefix("-100")
    link = scene.outbox.link
    assert link(MessageRef(chat, "7")) == f"https://t.me/c/{number}/7"
    assert link(MessageRef(replace(chat, thread_id="3"), "7")) == f"https://t.me/c/{number}/3/7"
    assert link(MessageRef(chat, "-1:7")) is None
    for other in ("-42", "42"):
        assert link(MessageRef(ConversationRef(ChannelRef(Platform.TELEGRAM, other)), "7")) is None


async def test_there_are_no_roles_to_mention(scene):
    message = await scene.says(scene.group, "`Bob` asks the team:", mention="42")
    assert message.text == "Bob asks the team:"


TABLE = "# Pumps\n\n| tank | pump |\n|---|---|\n| small | P-3 <4 & 5> |\n\nAsk @bob. [1]"


async def test_tables_and_headings_go_as_rich_messages_and_back_to_entities(scene):
    sent = await scene.says(scene.group, TABLE, menus=(DONE,))
    assert [block["type"] for block in sent.rich["blocks"]] == [
        "section_heading",
        "table",
        "paragraph",
    ]
    assert "small | P-3 <4 & 5>" in sent.text
    assert sent.buttons == ["Sources", "👍", "Delete"]
    # Nobody is mentioned, whatever finds entities in it.
    assert "@bob" not in sent.text
    here = scene.of(scene.group)
    await scene.outbox.edit(here, str(sent.message_id), "# Pumps\n\nnone")
    assert [block["type"] for block in sent.rich["blocks"]] == ["section_heading", "paragraph"]
    await scene.outbox.edit(here, str(sent.message_id), "# Pumps\n\nnone")
    await scene.outbox.edit(here, str(sent.message_id), "**none**")
    assert (sent.rich, sent.text) == (None, "none")


async def test_a_rich_message_goes_into_its_topic_as_a_reply(scene):
    forum = scene.telegram.supergroup("Tanks", scene.ada, is_forum=True)
    topic = scene.ada.open_topic(forum, "Small")
    question = scene.ada.say(forum, "@lorekeeper_bot which?", topic=topic.thread_id)
    here = scene.of(forum, topic.thread_id)
    answer = MessageRef(here, str(question.message_id))
    sent = forum.messages[int(await scene.outbox.send(here, TABLE, reply_to=answer))]
    assert (sent.topic, sent.reply_to) == (topic.thread_id, question)


async def test_an_older_server_is_asked_for_rich_messages_once(old_scene):
    for _ in range(2):
        sent = await old_scene.says(old_scene.group, TABLE)
        assert (sent.rich, sent.entities[0]["type"]) == (None, "bold")
    assert len(old_scene.telegram.calls("sendRichMessage")) == 1


async def test_an_older_server_is_found_out_by_an_edit_too(old_scene):
    sent = await old_scene.says(old_scene.group, "▌")
    for text in (TABLE, TABLE + "!"):
        await old_scene.outbox.edit(old_scene.of(old_scene.group), str(sent.message_id), text)
    assert sent.entities[0]["type"] == "bold"
    calls = old_scene.telegram.calls("editMessageText")
    assert ["rich_message" in call.parameters for call in calls] == [True, False, False]


async def test_a_rich_message_that_is_refused_goes_with_entities_and_then_as_it_was_written(scene):
    scene.telegram.faults.fail("sendRichMessage", 400, "Bad Request: RICH_MESSAGE_INVALID")
    scene.telegram.faults.fail("sendMessage", 400, "Bad Request: can't parse entities: no")
    sent = await scene.says(scene.group, TABLE)
    assert (sent.rich, sent.text.startswith("# Pumps")) == (None, True)
    assert (await scene.says(scene.group, TABLE)).rich is not None


async def test_drafts_are_rich_where_they_need_to_be(scene):
    here = scene.of(scene.ada.private)
    assert await scene.outbox.draft(here, "7", TABLE)
    assert await scene.outbox.draft(here, "7", "plain")
    assert [text.splitlines()[0] for _, text in scene.ada.private.drafts] == ["Pumps", "plain"]
    assert len(scene.telegram.calls("sendRichMessageDraft")) == 1


async def test_what_a_press_shows_keeps_the_groups_budget():
    limits = FloodLimits(group=(5, 1.0), overall=None)  # the answer itself is the fifth
    settings = {"group_messages_per_minute": 4, "group_minute_seconds": 1.0}
    async for scene in _scene(
        FakeTelegram(limits=limits, options=ServerOptions(version=(9, 0))), **settings
    ):
        answer = await scene.says(scene.group, "It was Ada.", menus=(DONE,))
        for number in range(8):
            press = scene.bob.push_button(answer, "Sources")
            event = await scene.inbox.one(
                ActionPressed, lambda e, key=press.query_id: e.interaction.key == key
            )
            await scene.outbox.reveal(event.interaction, f"{number} " + "long " * 60)
        shown = [message for message in scene.group.everything if "long" in message.text]
        assert len(shown) == 8
        assert scene.telegram.flood_violations == 0


async def test_what_a_press_shows_comes_also_when_telegram_asks_to_wait(scene):
    answer = await scene.says(scene.group, "It was Ada.", menus=(DONE,))
    scene.telegram.flood(scene.group, 0.3)
    scene.bob.push_button(answer, "Sources")
    event = await scene.inbox.one(ActionPressed)
    await scene.outbox.reveal(event.interaction, "long " * 60)
    assert scene.group.everything[-1].text.startswith("long")


async def test_what_was_said_before_a_move_is_neither_changed_nor_mistaken_for_another(scene):
    group = scene.telegram.group("Small", scene.ada, scene.bob)
    sent = await scene.says(group, "half ▌")
    question = scene.bob.say(group, "@lorekeeper_bot what?")
    supergroup = scene.ada.migrate(group)
    # Under the new id the same numbers are other messages.
    supergroup.last_id = sent.message_id - 1
    other = await scene.says(supergroup, "something else")
    assert other.message_id == sent.message_id
    here = scene.of(group)
    for _ in range(2):
        with pytest.raises(ConversationMovedError):
            await scene.outbox.edit(here, str(sent.message_id), "whole")
        with pytest.raises(ConversationMovedError):
            await scene.outbox.delete(here, str(sent.message_id))
    with pytest.raises(ConversationMovedError):
        await scene.outbox.edit(scene.of(supergroup), f"{group.chat_id}:{sent.message_id}", "x")
    assert (other.text, other.deleted) == ("something else", False)
    answers = MessageRef(here, str(question.message_id))
    again = await scene.outbox.send(here, "whole", reply_to=answers)
    assert supergroup.messages[int(again)].reply_to is None
    for keyed in (
        scene.outbox.send(here, "whole", reply_to=answers, key="1-text-0"),
        scene.outbox.send_file(here, "a.md", b"whole", key="1-file-0"),
    ):
        with pytest.raises(ConversationMovedError) as moved:
            await keyed
        assert moved.value.now == scene.of(supergroup)
    there = scene.of(supergroup)
    kept = await scene.outbox.send(there, "whole", reply_to=answers, key="1-text-0")
    assert supergroup.messages[int(kept)].reply_to is None


async def test_what_a_group_forbids_is_what_the_bot_lacks_until_it_administers_it(scene):
    group = scene.of(scene.group).channel
    assert await scene.outbox.lacking(group) == ()
    scene.group.permissions["can_send_documents"] = False
    (lacking,) = await scene.outbox.lacking(group)
    assert (lacking.channel, lacking.rights) == (group, (Right.SEND_FILES,))
    scene.ada.promote_bot(scene.group)
    assert await scene.outbox.lacking(group) == ()
    assert await scene.outbox.lacking(scene.of(scene.ada.private).channel) == ()


async def test_telegram_says_of_no_two_groups_who_reads_both(scene):
    group = scene.of(scene.group).channel
    assert await scene.outbox.is_within(group, group) is True
    other = replace(group, channel_id="-100777")
    assert await scene.outbox.is_within(other, group) is None
