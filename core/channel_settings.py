"""What a channel's admin can choose: typed values, what is allowed, and words for menus. Pure."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, TypeVar

from core.cron import zone_named
from core.distance import EnginePlace
from core.errors import BadSettingError, UnknownSettingError
from core.helpers import Helpers, helpers_of
from core.language import N_
from core.text import storable

Language: TypeAlias = Literal["auto", "en", "zh"]
Teachers: TypeAlias = Literal["moderators", "everyone", "review"]
Speaks: TypeAlias = Literal["off", "addressed", "threads", "questions"]
Answers: TypeAlias = Literal["place", "thread"]
DigestDay: TypeAlias = Literal[
    "off", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]

T = TypeVar("T")

UNASKED: Final = ("threads", "questions")
"""What `speaks` is where we also answer what nobody asked us."""

MOST_PASSAGES: Final = 20
LONGEST_PERSONA: Final = 1000
DEFAULT: Final = "default"
"""Typed or chosen instead of a value: what holds for the server, or else for everybody."""


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """What holds in one channel; None leaves it to the operator's configuration."""

    language: Language = "auto"
    """Of the interface and of answers; "auto": the platform's locale, the question's language."""
    threshold: float | None = None
    """Relevance below which a question is refused, in [0, 1]."""
    passages: int | None = None
    persona: str = ""
    engine: str | None = None
    place: EnginePlace = "own"
    """How far out an engine may be: this machine, the operator's others, anywhere."""
    answer_without_source: bool = False
    auto_ingest: bool = False
    teachers: Teachers = "moderators"
    speaks: Speaks = "addressed"
    """"threads": also to every new thread or post; "questions": to all that reads as a question."""
    answers_in: Answers = "place"
    """Where a question stands, or in a thread below it, where the platform has such."""
    server_base: bool = True
    """Whether the server's own base is asked too."""
    log_channel: str | None = None
    """Where moderators read what was done; a channel's id on the same platform."""
    helpers: Helpers | None = None
    """Whom questions go to when somebody asks the team."""
    digest: DigestDay = "off"
    """The day on which the log channel gets what was asked in vain that week."""
    time_zone: str = ""
    """Whose days these are, such as "Asia/Shanghai"; empty: the configuration's."""
    paused_until: float | None = None
    """Silent until then (seconds since 1970; infinite: until told otherwise). Set by pausing."""

    def is_paused(self, now: float) -> bool:
        return self.paused_until is not None and now < self.paused_until


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a setting, with its label; both texts are marked for the catalogues."""

    value: str
    label: str
    needs_message_content: bool = False
    """Whether messages must be readable that do not address the bot."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of `/settings`."""

    key: str
    label: str
    """English, marked for the catalogues."""
    choices: tuple[Choice, ...] = ()
    """What a menu offers; also all there is, unless `free`."""
    free: bool = False
    """Whether anything else that is valid can be typed."""
    needs_message_content: bool = False
    """Whether messages must be readable that do not address the bot, unless it is switched off."""

    def needs_content(self, value: str) -> bool:
        """Whether messages must be readable that do not address the bot, for this value."""
        if self.needs_message_content:
            return value != "no"
        return any(own.needs_message_content for own in self.choices if own.value == value)


_LANGUAGES: Final[Mapping[str, Language]] = {"auto": "auto", "en": "en", "zh": "zh"}
_PLACES: Final[Mapping[str, EnginePlace]] = {"local": "local", "own": "own", "outside": "outside"}
_TEACHERS: Final[Mapping[str, Teachers]] = {
    "moderators": "moderators",
    "everyone": "everyone",
    "review": "review",
}
_SPEAKS: Final[Mapping[str, Speaks]] = {
    "off": "off",
    "addressed": "addressed",
    "threads": "threads",
    "questions": "questions",
}
_ANSWERS: Final[Mapping[str, Answers]] = {"place": "place", "thread": "thread"}
_DIGEST_DAYS: Final[Mapping[str, DigestDay]] = {
    "off": "off",
    "monday": "monday",
    "tuesday": "tuesday",
    "wednesday": "wednesday",
    "thursday": "thursday",
    "friday": "friday",
    "saturday": "saturday",
    "sunday": "sunday",
}
_YES: Final = frozenset(("yes", "on", "true", "1", "是", "开"))
_NO: Final = frozenset(("no", "off", "false", "0", "否", "关"))
_SWITCH: Final = (Choice("yes", N_("yes")), Choice("no", N_("no")))

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "language",
        N_("language"),
        (
            Choice("auto", N_("as each person writes")),
            Choice("en", N_("English")),
            Choice("zh", N_("Chinese")),
        ),
    ),
    Setting(
        "speaks",
        N_("where I speak"),
        (
            Choice("addressed", N_("when addressed")),
            Choice("threads", N_("also to every new post or thread"), True),
            Choice("questions", N_("also to every question"), True),
            Choice("off", N_("not at all")),
        ),
    ),
    Setting(
        "answers_in",
        N_("where I answer"),
        (
            Choice("place", N_("where the question stands")),
            Choice("thread", N_("in a thread that I open, where there are threads")),
        ),
    ),
    Setting(
        "teachers",
        N_("who teaches me"),
        (
            Choice("moderators", N_("moderators")),
            Choice("review", N_("everyone, after review")),
            Choice("everyone", N_("everyone")),
        ),
    ),
    Setting("auto_ingest", N_("learn every file posted"), _SWITCH, needs_message_content=True),
    Setting("server_base", N_("ask the server's documents too"), _SWITCH),
    Setting("answer_without_source", N_("answer without a source"), _SWITCH),
    Setting(
        "threshold",
        N_("relevance needed"),
        tuple(Choice(value, value) for value in ("0.1", "0.2", "0.3", "0.5", "0.7")),
        free=True,
    ),
    Setting(
        "passages",
        N_("passages read for an answer"),
        tuple(Choice(value, value) for value in ("3", "5", "8", "12")),
        free=True,
    ),
    Setting("persona", N_("persona"), free=True),
    Setting("engine", N_("model"), free=True),
    Setting(
        "place",
        N_("where models may run"),
        (
            Choice("local", N_("on this machine alone")),
            Choice("own", N_("on the operator's machines")),
            Choice("outside", N_("also outside")),
        ),
    ),
    Setting("log_channel", N_("log channel"), free=True),
    Setting("helpers", N_("helpers"), free=True),
    Setting(
        "digest",
        N_("digest of gaps, to the log channel"),
        (
            Choice("off", N_("never")),
            Choice("monday", N_("on Mondays")),
            Choice("tuesday", N_("on Tuesdays")),
            Choice("wednesday", N_("on Wednesdays")),
            Choice("thursday", N_("on Thursdays")),
            Choice("friday", N_("on Fridays")),
            Choice("saturday", N_("on Saturdays")),
            Choice("sunday", N_("on Sundays")),
        ),
    ),
    Setting(
        "time_zone",
        N_("time zone"),
        tuple(
            Choice(value, value)
            for value in ("UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York")
        ),
        free=True,
    ),
)


def setting_named(key: str) -> Setting:
    """Raises `UnknownSettingError`, with the names most like it."""
    wanted = key.strip().lower().replace("-", "_").replace(" ", "_")
    for setting in SETTINGS:
        if setting.key == wanted:
            return setting
    names = [setting.key for setting in SETTINGS]
    raise UnknownSettingError(key, tuple(difflib.get_close_matches(wanted, names, 3)))


def changed(settings: ChannelSettings, key: str, value: str) -> ChannelSettings:
    """The settings with one of them as written. Raises `UnknownSettingError`, `BadSettingError`.

    Whether an engine of that name exists, or a channel of that id, is not asked here.
    """
    return _CHANGES[setting_named(key).key](settings, value.strip())


def written(settings: ChannelSettings, key: str) -> str:
    """A setting's value as `changed` takes it; empty for what is left to the configuration."""
    value: object = getattr(settings, setting_named(key).key)
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _allowed(key: str) -> tuple[str, ...]:
    return tuple(choice.value for choice in setting_named(key).choices)


def _one_of(key: str, values: Mapping[str, T], value: str) -> T:
    found = values.get(value.lower())
    if found is None:
        raise BadSettingError(key, value, _allowed(key))
    return found


def _switch(key: str, value: str) -> bool:
    if value.lower() in _YES | _NO:
        return value.lower() in _YES
    raise BadSettingError(key, value, _allowed(key))


def _number(key: str, value: str, low: float, high: float) -> float:
    try:
        number = float(value[:-1]) / 100 if value.endswith("%") else float(value)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise BadSettingError(key, value, (f"{low:g} … {high:g}",))
    return number


def _threshold(settings: ChannelSettings, value: str) -> ChannelSettings:
    return replace(settings, threshold=round(_number("threshold", value, 0, 1), 3))


def _passages(settings: ChannelSettings, value: str) -> ChannelSettings:
    number = _number("passages", value, 1, MOST_PASSAGES)
    if number != int(number):
        raise BadSettingError("passages", value, (f"1 … {MOST_PASSAGES}",))
    return replace(settings, passages=int(number))


def _persona(settings: ChannelSettings, value: str) -> ChannelSettings:
    text = storable(value)
    if len(text) > LONGEST_PERSONA:
        raise BadSettingError("persona", text[:50], (f"0 … {LONGEST_PERSONA}",))
    return replace(settings, persona=text)


def _log_channel(settings: ChannelSettings, value: str) -> ChannelSettings:
    channel_id = value.removeprefix("<#").removesuffix(">")
    if not channel_id.removeprefix("-").isalnum() or not channel_id.isascii():
        raise BadSettingError("log_channel", value, ())
    return replace(settings, log_channel=channel_id)


def _helpers(settings: ChannelSettings, value: str) -> ChannelSettings:
    helpers = helpers_of(value)
    if helpers is None:
        raise BadSettingError("helpers", value[:50], ())
    return replace(settings, helpers=helpers)


def _time_zone(settings: ChannelSettings, value: str) -> ChannelSettings:
    known = {choice.value.lower(): choice.value for choice in setting_named("time_zone").choices}
    name = known.get(value.lower(), value)
    try:
        zone_named(name or "?")
    except ValueError:
        raise BadSettingError("time_zone", value[:50], _allowed("time_zone")) from None
    return replace(settings, time_zone=name)


_CHANGES: Final[Mapping[str, Callable[[ChannelSettings, str], ChannelSettings]]] = {
    "language": lambda s, v: replace(s, language=_one_of("language", _LANGUAGES, v)),
    "speaks": lambda s, v: replace(s, speaks=_one_of("speaks", _SPEAKS, v)),
    "answers_in": lambda s, v: replace(s, answers_in=_one_of("answers_in", _ANSWERS, v)),
    "teachers": lambda s, v: replace(s, teachers=_one_of("teachers", _TEACHERS, v)),
    "auto_ingest": lambda s, v: replace(s, auto_ingest=_switch("auto_ingest", v)),
    "server_base": lambda s, v: replace(s, server_base=_switch("server_base", v)),
    "answer_without_source": lambda s, v: replace(
        s, answer_without_source=_switch("answer_without_source", v)
    ),
    "threshold": _threshold,
    "passages": _passages,
    "persona": _persona,
    "engine": lambda s, v: replace(s, engine=v or None),
    "place": lambda s, v: replace(s, place=_one_of("place", _PLACES, v)),
    "log_channel": _log_channel,
    "helpers": _helpers,
    "digest": lambda s, v: replace(s, digest=_one_of("digest", _DIGEST_DAYS, v)),
    "time_zone": _time_zone,
}
