"""Answers to interactions: the callback, and the webhook that follows it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.platforms.discord_server.bodies import Body
from tests.platforms.discord_server.command_rules import check_choices
from tests.platforms.discord_server.composing import apply_edit, compose
from tests.platforms.discord_server.errors import ApiError, invalid_form, unknown
from tests.platforms.discord_server.interactions import (
    AUTOCOMPLETE,
    CHOICES,
    COMMAND,
    LATER,
    MODAL,
    SHOW,
    SUBMIT,
    THINK,
    UPDATE,
    Interaction,
    Interactions,
)
from tests.platforms.discord_server.modals import check_modal
from tests.platforms.discord_server.rest import Answer, Call, Route
from tests.platforms.discord_server.state import (
    EPHEMERAL,
    LOADING,
    MENU_ANSWER,
    SLASH_ANSWER,
    Json,
    Message,
)
from tests.platforms.discord_server.wire import message_json, user_json
from tests.platforms.discord_server.world import World

_HOOK = "/webhooks/{application}/{token}"
_ONE = _HOOK + "/messages/{message}"


@dataclass(frozen=True, slots=True)
class InteractionRoutes:
    """What the bot answers to interactions; the token in the path is proof enough."""

    world: World
    interactions: Interactions

    def routes(self) -> list[Route]:
        """All routes, with the bucket of the token."""
        return [
            Route("POST", "/interactions/{id}/{token}/callback", self.callback, open=True),
            Route("POST", _HOOK, self.follow_up, "webhooks", "token", open=True),
            Route("GET", _ONE, self.get, "webhooks", "token", open=True),
            Route("PATCH", _ONE, self.edit, "webhooks", "token", open=True),
            Route("DELETE", _ONE, self.delete, "webhooks", "token", open=True),
        ]

    async def callback(self, call: Call) -> Answer:
        """The first answer: in time, once, and of a kind that fits."""
        interaction = self._opened(call)
        if interaction is None or interaction.id != call.id("id"):
            raise unknown("interaction")
        if interaction.response is not None:
            said = "Interaction has already been acknowledged."
            raise ApiError(400, 40060, said)
        if self.interactions.is_late(interaction):
            raise unknown("interaction")
        kind = call.body.fields["type"]
        if kind not in _fitting(interaction):
            said = f"This interaction cannot be answered with type {kind}"
            raise invalid_form("type", "INTERACTION_RESPONSE_TYPE_INVALID", said)
        body = Body(call.body.fields.get("data") or {}, call.body.files)
        self._apply(interaction, kind, body)
        self.world.changed()
        if call.query.get("with_response") in ("1", "true"):
            return self._told(interaction)
        return None

    def _apply(self, interaction: Interaction, kind: int, body: Body) -> None:
        match kind:
            case 4:
                message = self._composed(interaction, body)
                interaction.response, interaction.original = kind, message
                self.world.post(message)
            case 5:
                message = self._thinking(interaction, body)
                interaction.response, interaction.original = kind, message
                self.world.post(message)
            case 7:
                assert interaction.source is not None
                self._edit(interaction.source, body)
                interaction.response = kind
            case 8:
                choices = body.fields.get("choices") or []
                if len(choices) > 25:
                    said = "Must be 25 or fewer in length."
                    raise invalid_form("data.choices", "BASE_TYPE_MAX_LENGTH", said)
                check_choices(choices, "data.choices")
                interaction.response, interaction.choices = kind, choices
            case 9:
                check_modal(body.fields)
                interaction.response, interaction.modal = kind, body.fields
            case _:
                interaction.response = kind

    async def follow_up(self, call: Call) -> Answer:
        """A further message; the first one after "thinking" takes its place."""
        interaction = self._answered(call)
        original = interaction.original
        if original is not None and original.is_loading and not original.deleted:
            self._edit(original, call.body)
            return message_json(original, self.world.reader())
        message = self._composed(interaction, call.body)
        interaction.follow_ups.append(message)
        return message_json(self.world.post(message), self.world.reader())

    async def get(self, call: Call) -> Answer:
        """One of the messages."""
        return message_json(self._message(call), self.world.reader())

    async def edit(self, call: Call) -> Answer:
        """Edit one of the messages."""
        message = self._message(call)
        self._edit(message, call.body)
        return message_json(message, self.world.reader())

    async def delete(self, call: Call) -> Answer:
        """Delete one of the messages."""
        self.world.remove(self._message(call))

    def _edit(self, message: Message, body: Body) -> None:
        edits = self.world.counters.edits
        if not message.is_loading:
            edits[message.id] = edits.get(message.id, 0) + 1
        apply_edit(self.world, message, body)
        self.world.revise(message)

    def _opened(self, call: Call) -> Interaction | None:
        return self.interactions.opened.get(call.text("token"))

    def _answered(self, call: Call) -> Interaction:
        interaction = self._opened(call)
        is_ours = call.id("application") == self.world.bot.id
        if interaction is None or interaction.response is None or not is_ours:
            raise unknown("Webhook")
        if self.interactions.is_spent(interaction):
            raise ApiError(401, 50027, "Invalid Webhook Token")
        return interaction

    def _message(self, call: Call) -> Message:
        message = self._answered(call).message(call.text("message"))
        if message is None or message.deleted:
            raise unknown("Message")
        return message

    def _composed(self, interaction: Interaction, body: Body) -> Message:
        message = compose(self.world, interaction.channel, body)
        self._mark(interaction, message)
        return message

    def _thinking(self, interaction: Interaction, body: Body) -> Message:
        flags = LOADING | ((body.fields.get("flags") or 0) & EPHEMERAL)
        key = self.world.ids.make()
        message = Message(key, interaction.channel, self.world.bot, flags=flags)
        self._mark(interaction, message)
        return message

    def _mark(self, interaction: Interaction, message: Message) -> None:
        if interaction.kind == COMMAND:
            is_menu = interaction.data.get("type", 1) != 1
            message.kind = MENU_ANSWER if is_menu else SLASH_ANSWER
        message.metadata = {
            "id": str(interaction.id),
            "type": interaction.kind,
            "user": user_json(interaction.user),
            "authorizing_integration_owners": {},
        }
        if message.is_ephemeral:
            message.shown_to = interaction.user
            for file in message.files:
                file.is_ephemeral = True

    def _told(self, interaction: Interaction) -> Json:
        message = interaction.source if interaction.response == UPDATE else interaction.original
        told: Json = {"id": str(interaction.id), "type": interaction.kind}
        resource: Json = {"type": interaction.response}
        if message is not None:
            told |= {
                "response_message_id": str(message.id),
                "response_message_loading": message.is_loading,
                "response_message_ephemeral": message.is_ephemeral,
            }
            resource["message"] = message_json(message, self.world.reader())
        return {"interaction": told, "resource": resource}


def _fitting(interaction: Interaction) -> tuple[int, ...]:
    if interaction.kind == AUTOCOMPLETE:
        return (CHOICES,)
    fitting = [SHOW, THINK]
    if interaction.source is not None:
        fitting += [LATER, UPDATE]
    if interaction.kind != SUBMIT:
        fitting.append(MODAL)
    return tuple(fitting)
