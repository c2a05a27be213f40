"""The client in a person's hands: what it offers, lets them do, and shows of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.platforms.discord_server.command_rules import CHAT, MESSAGE_MENU, SUBCOMMAND
from tests.platforms.discord_server.filling import Filled, NotPossibleError, fill_in
from tests.platforms.discord_server.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    SUBMIT,
    Interaction,
    Interactions,
)
from tests.platforms.discord_server.modals import Modal, filled
from tests.platforms.discord_server.permissions import Permission, permissions_in
from tests.platforms.discord_server.state import Channel, Json, Message, User
from tests.platforms.discord_server.validation import BUTTON, LINK_STYLE, SELECT
from tests.platforms.discord_server.wire import Reader, message_json
from tests.platforms.discord_server.world import World

_GRACE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Choice:
    """A completion that is offered."""

    name: str
    value: str | int | float


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody is shown in answer to what they did; it stays up to date."""

    interaction: Interaction
    world: World

    @property
    def messages(self) -> list[Message]:
        """The new messages that stand, the first one first."""
        made = [self.interaction.original, *self.interaction.follow_ups]
        return [each for each in made if each is not None and not each.deleted]

    @property
    def message(self) -> Message | None:
        """The first new message."""
        return next(iter(self.messages), None)

    @property
    def text(self) -> str:
        """What the new messages say, each from a new line."""
        return "\n".join(each.content for each in self.messages)

    @property
    def ephemeral(self) -> bool:
        """Whether nobody else sees it."""
        return bool(self.messages) and all(each.is_ephemeral for each in self.messages)

    @property
    def modal(self) -> Modal | None:
        """The modal that opened."""
        return None if self.interaction.modal is None else Modal(self.interaction.modal)

    @property
    def failed(self) -> bool:
        """True: "The application did not respond"."""
        return self.interaction.failed

    async def until(self, predicate: Callable[[Shown], object], within: float = 10.0) -> Shown:
        """Wait until what is shown satisfies the predicate."""
        await self.world.wait_for(lambda: predicate(self), within)
        return self


@dataclass(frozen=True, slots=True)
class Client:
    """The application that people use; it keeps to what Discord's lets them do."""

    world: World
    interactions: Interactions
    patience: float

    async def slash(
        self, user: User, channel: Channel, line: str, options: Mapping[str, object]
    ) -> Shown:
        """Run a slash command, named with its subcommands."""
        command, path, offered = self._found(user, channel, line)
        given = fill_in(self.world, channel, offered, options)
        data = _command_data(command, path, given)
        return await self._run(user, channel, COMMAND, data)

    async def complete(
        self,
        user: User,
        channel: Channel,
        line: str,
        typed: tuple[str, str],
        options: Mapping[str, object],
    ) -> list[Choice]:
        """The completions of a half-typed option (its name, its text)."""
        command, path, offered = self._found(user, channel, line)
        name, text = typed
        option = next((each for each in offered if each["name"] == name), None)
        if option is None or not option.get("autocomplete"):
            raise NotPossibleError(f"/{line} does not complete {name!r}")
        given = fill_in(self.world, channel, offered, options, partial=True)
        focused = {"name": name, "type": option["type"], "value": text, "focused": True}
        given.options.append(focused)
        data = _command_data(command, path, given)
        shown = await self._run(user, channel, AUTOCOMPLETE, data)
        if shown.interaction.choices is None:
            raise NotPossibleError("Loading options failed")
        return [Choice(each["name"], each["value"]) for each in shown.interaction.choices]

    def offered(self, user: User, channel: Channel) -> list[str]:
        """The slash commands that a person sees offered, with their subcommands."""
        shown = [each for each in self._visible(user, channel) if each["type"] == CHAT]
        return [line for each in shown for line in _lines(each)]

    async def menu(self, user: User, message: Message, name: str) -> Shown:
        """Use a command from the menu of a message."""
        visible = self._visible(user, message.channel)
        menus = [each for each in visible if each["type"] == MESSAGE_MENU]
        command = next((each for each in menus if each["name"] == name), None)
        if command is None or message.deleted:
            raise NotPossibleError(f"no {name!r} in the menu of that message")
        # Whoever uses a menu on a message lets the bot read it, intent or not.
        reader = Reader(self.world.bot, content=True, link=self.world.link)
        data: Json = {
            "id": command["id"],
            "name": name,
            "type": MESSAGE_MENU,
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): message_json(message, reader)}},
        }
        return await self._run(user, message.channel, COMMAND, data)

    async def press(self, user: User, message: Message, which: str) -> Shown:
        """Press a button, named by label or identifier."""
        button = self._component(user, message, BUTTON, which)
        if button.get("style") == LINK_STYLE:
            raise NotPossibleError(f"{which!r} is a link")
        data = {"custom_id": button["custom_id"], "component_type": BUTTON, "id": button["id"]}
        return await self._run(user, message.channel, COMPONENT, data, message)

    async def choose(self, user: User, message: Message, which: str, values: list[str]) -> Shown:
        """Choose from a select (named by placeholder or identifier) by label or value."""
        select = self._component(user, message, SELECT, which)
        told = []
        for value in values:
            match = [each for each in select["options"] if value in (each["value"], each["label"])]
            if not match:
                raise NotPossibleError(f"{value!r} is not offered")
            told.append(match[0]["value"])
        least, most = select.get("min_values", 1), select.get("max_values", 1)
        if not least <= len(told) <= most:
            raise NotPossibleError(f"{least} to {most} must be chosen")
        data = {
            "custom_id": select["custom_id"],
            "component_type": SELECT,
            "values": told,
            "id": select["id"],
        }
        return await self._run(user, message.channel, COMPONENT, data, message)

    async def submit(self, user: User, shown: Shown, values: Mapping[str, object]) -> Shown:
        """Fill in and send the modal that opened."""
        before = shown.interaction
        if before.modal is None or before.user is not user:
            raise NotPossibleError("no modal is open")
        try:
            components = filled(before.modal, values)
        except ValueError as error:
            raise NotPossibleError(str(error)) from None
        data = {"custom_id": before.modal["custom_id"], "components": components}
        return await self._run(user, before.channel, SUBMIT, data, before.source)

    async def _run(
        self, user: User, channel: Channel, kind: int, data: Json, source: Message | None = None
    ) -> Shown:
        opened = self.interactions.open(user, channel, kind, data, source)
        within = max(self.patience, self.interactions.answer_within + _GRACE_SECONDS)
        await self.world.wait_for(lambda: opened.settled, within)
        return Shown(opened, self.world)

    def _visible(self, user: User, channel: Channel) -> Iterator[Json]:
        allowed = permissions_in(channel, user)
        if not allowed & Permission.VIEW_CHANNEL or user.is_bot:
            raise NotPossibleError(f"{user.name} does not see that channel")
        scopes = [self.world.commands.get(None, [])]
        if channel.guild is not None:
            if not (self.world.bot_is_in(channel.guild)):
                return
            scopes.insert(0, self.world.commands.get(channel.guild.id, []))
        for command in (each for scope in scopes for each in scope):
            contexts = command.get("contexts")
            place = 0 if channel.guild else 1
            if contexts is not None and place not in contexts:
                continue
            wanted = command.get("default_member_permissions")
            if channel.guild is None or _is_allowed(allowed, wanted):
                yield command

    def _found(
        self, user: User, channel: Channel, line: str
    ) -> tuple[Json, list[Json], list[Json]]:
        """The command, the subcommands on the way, and the options at its end."""
        name, *rest = line.removeprefix("/").split()
        visible = self._visible(user, channel)
        command = next((c for c in visible if c["type"] == CHAT and c["name"] == name), None)
        if command is None:
            raise NotPossibleError(f"/{name} is not offered to {user.name} there")
        path: list[Json] = []
        at = command
        for word in rest:
            nested = [each for each in at.get("options") or [] if each["type"] <= 2]
            found = next((each for each in nested if each["name"] == word), None)
            if found is None:
                raise NotPossibleError(f"/{line}: no {word!r}")
            path.append(found)
            at = found
        options = at.get("options") or []
        if any(each["type"] <= 2 for each in options):
            raise NotPossibleError(f"/{line} needs a subcommand")
        return command, path, options

    def _component(self, user: User, message: Message, kind: int, which: str) -> Json:
        seen = message.shown_to in (None, user)
        if message.deleted or not seen or not permissions_in(message.channel, user):
            raise NotPossibleError(f"{user.name} does not see that message")
        items = [item for row in message.components for item in row["components"]]
        for item in items:
            names = (item.get("custom_id"), item.get("label"), item.get("placeholder"))
            if item["type"] == kind and which in names:
                if item.get("disabled"):
                    raise NotPossibleError(f"{which!r} is greyed out")
                return item
        raise NotPossibleError(f"no {which!r} under that message")


def _is_allowed(allowed: Permission, wanted: str | None) -> bool:
    if not allowed & Permission.USE_APPLICATION_COMMANDS:
        return False
    if wanted is None or allowed & Permission.ADMINISTRATOR:
        return True
    bits = int(wanted)
    return bits != 0 and int(allowed) & bits == bits


def _command_data(command: Json, path: list[Json], given: Filled) -> Json:
    options = given.options
    for part in reversed(path):
        options = [{"name": part["name"], "type": part["type"], "options": options}]
    data: Json = {"id": command["id"], "name": command["name"], "type": CHAT, "options": options}
    if given.resolved:
        data["resolved"] = given.resolved
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    return data


def _lines(command: Json) -> Iterator[str]:
    nested = [each for each in command.get("options") or [] if each["type"] <= 2]
    if not nested:
        yield command["name"]
    for each in nested:
        if each["type"] == SUBCOMMAND:
            yield f"{command['name']} {each['name']}"
        else:
            yield from (f"{command['name']} {line}" for line in _lines(each))
