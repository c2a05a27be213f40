"""Forms on Discord: dialogs, in time or not at all."""

from __future__ import annotations

import asyncio

import pytest

from bot.adapters.discord import DiscordListener, interacting
from core.events import ActionPressed, IncomingMessage, Invocation
from core.replies import Button, Form, FormField, Menu
from tests.support.discord_surface import (
    COMMANDS,
    HearingInbox,
    NameCompleter,
    settings_for,
)

FIELDS = (
    FormField("question", "问题" * 40, value="Who?"),
    FormField("answer", "Answer", "long", "x" * 5000, max_length=9000),
    FormField("until", "Until", required=False, max_length=40),
)
FORM = Form("A title that goes on and on until nobody reads it", FIELDS, Invocation("kb note"))


class Forms:
    """Opens one form for some; `holds` it back while it is set. Refuses the commands named."""

    def __init__(self, form, *, for_actions=(), refused=()):
        self.refused = refused
        self.form = form
        self.asked = []
        self.for_actions = for_actions
        self.held = False

    async def form_of(self, asked):
        self.asked.append(asked)
        if self.held:
            await asyncio.Event().wait()
        if isinstance(asked, ActionPressed):
            return self.form if asked.action in self.for_actions else None
        return self.form if asked.command.name in ("help", "kb add") else None

    def refuses(self, message):
        return message.command.name in self.refused


class Bot:
    def __init__(self, fake, forms):
        self.fake, self.forms, self.inbox = fake, forms, HearingInbox()
        self.listener = DiscordListener(settings_for(fake), COMMANDS, NameCompleter(), forms=forms)

    async def __aenter__(self):
        await self.listener.__aenter__()
        self.listening = asyncio.create_task(self.listener.listen(self.inbox))
        await self.fake.connected()
        return self

    async def __aexit__(self, *error):
        self.listening.cancel()
        await asyncio.wait({self.listening})
        await self.listener.__aexit__(*error)


def opened(**facts):
    return Form(FORM.title, FORM.fields, FORM.becomes, token="1234abcd", **facts)


async def test_a_command_opens_a_dialog_that_comes_back_as_one_message(fake, general, alice):
    async with Bot(fake, Forms(opened())) as bot:
        shown = await alice.slash(general, "help")
        dialog = shown.modal
        assert dialog is not None
        assert len(dialog.title) == 45
        assert [len(field.label) for field in dialog.fields] == [45, 6, 5]
        assert dialog.fields[0].item["value"] == "Who?"
        assert len(dialog.fields[1].item["value"]) == 4000
        assert [field.is_required for field in dialog.fields] == [True, True, False]
        waiting = asyncio.ensure_future(alice.submit(shown, {"answer": "Walter."}))
        message = await bot.inbox.hears(IncomingMessage)
        assert message.command == Invocation(
            "form", {"token": "1234abcd", "question": "Who?", "answer": "Walter.", "until": ""}
        )
        assert message.author.user_id == str(alice.id)
        sent = bot.listener.outbox.send
        await sent(message.conversation, "Noted.", reply_to=message.reply_to)
        done = await waiting
        await done.until(lambda s: s.text == "Noted.")
        assert not done.ephemeral


async def test_what_comes_of_a_private_form_is_for_one_alone(fake, general, alice):
    forms = Forms(opened(private=True), for_actions=("correct:7",))
    async with Bot(fake, forms) as bot:
        asked = await alice.say(general, f"{fake.bot.mention} Who?")
        heard = await bot.inbox.hears(IncomingMessage)
        menus = (Menu((Button("correct:7", "Correct"), Button("up", "Good"))),)
        await bot.listener.outbox.send(heard.conversation, "…", menus=menus)
        answer = await fake.wait_for(lambda: next(iter(fake.said_by_bot(general)), None))
        shown = await alice.press(answer, "Correct")
        assert shown.modal is not None
        waiting = asyncio.ensure_future(alice.submit(shown, {}))
        message = await bot.inbox.hears(IncomingMessage)
        await bot.listener.outbox.send(message.conversation, "Noted.", reply_to=message.reply_to)
        done = await waiting
        await done.until(lambda s: s.text == "Noted.")
        assert done.ephemeral
        # Any other button is a press as before.
        await alice.press(answer, "Good")
        pressed = await bot.inbox.hears(ActionPressed)
        assert pressed.action == "up"
        assert pressed.interaction is not None
        assert asked.id != answer.id


async def test_a_menu_on_a_message_tells_what_that_message_replies_to(fake, general, alice):
    async with Bot(fake, forms := Forms(opened())) as _bot:
        question = await alice.say(general, "Who feeds them?")
        told = await alice.say(general, "Walter.", reply_to=question)
        shown = await alice.menu(told, "Add to knowledge base")
        assert shown.modal is not None
        (asked,) = forms.asked
        assert asked.quoted.text == "Walter."
        assert asked.quoted.about == "Who feeds them?"


async def test_a_form_that_takes_too_long_is_not_waited_for(fake, general, alice, monkeypatch):
    monkeypatch.setattr(interacting, "FORM_SECONDS", 0.05)
    forms = Forms(opened())
    forms.held = True
    async with Bot(fake, forms) as bot:
        waiting = asyncio.ensure_future(alice.slash(general, "help"))
        message = await bot.inbox.hears(IncomingMessage)
        assert message.command == Invocation("help")
        await bot.listener.outbox.send(message.conversation, "Usage.", reply_to=message.reply_to)
        done = await waiting
        await done.until(lambda s: s.text == "Usage.")
        assert not done.failed


async def test_a_dialog_that_is_none_of_ours_is_left_alone(fake, general, alice):
    strange = Form("T", FIELDS, Invocation("x"), token="")
    async with Bot(fake, Forms(strange)) as bot:
        shown = await alice.slash(general, "help")
        assert shown.modal is not None
        submitted = asyncio.ensure_future(alice.submit(shown, {"answer": "a"}))
        await asyncio.wait({submitted}, timeout=0.3)
        assert not [e for e in bot.inbox.events if isinstance(e, IncomingMessage)]
        submitted.cancel()


@pytest.mark.parametrize("refused", [True, False])
async def test_a_refusal_is_for_the_asker_alone(fake, general, alice, refused):
    forms = Forms(opened(), refused=("kb search",) if refused else ())
    async with Bot(fake, forms) as bot:
        waiting = asyncio.ensure_future(alice.slash(general, "kb search", query="x"))
        message = await bot.inbox.hears(IncomingMessage)
        await bot.listener.outbox.send(message.conversation, "No.", reply_to=message.reply_to)
        done = await waiting
        await done.until(lambda s: s.text == "No.")
        assert done.ephemeral is refused
