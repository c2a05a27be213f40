"""What engines and their queues fail at."""

from __future__ import annotations

from typing import assert_never

from core import errors as core_errors
from core.explain.base import duration, explain
from core.inert import inert
from core.language import Words


@explain.register
def _no_such_engine(error: core_errors.NoSuchEngineError, _: Words) -> str:
    return _(
        "There is no model {name} here. You can choose from: {names}.",
        name=inert(error.name),
        names=_(", ").join(inert(name) for name in error.available),
    )


@explain.register
def _engine_error(error: core_errors.EngineError, _: Words) -> str:
    return _("The model {engine} did not answer. Try again.", engine=inert(error.engine))


@explain.register
def _engine_unavailable(error: core_errors.EngineUnavailableError, _: Words) -> str:
    if error.target:
        return _(
            "The model {engine} is not answering ({target}). Try again later; whoever runs this "
            "bot finds the reason in its log and the settings under `[engine]`.",
            engine=inert(error.engine),
            target=inert(error.target),
        )
    return _(
        "The model {engine} is not answering. Try again later; whoever runs this bot finds the "
        "reason in its log and the settings under `[engine]`.",
        engine=inert(error.engine),
    )


@explain.register
def _model_not_loaded(error: core_errors.ModelNotLoadedError, _: Words) -> str:
    names = {"engine": inert(error.engine), "detail": inert(error.detail)}
    match error.problem:
        case "extra":
            return _(
                "The model {engine} needs a part that is not installed: "
                "`pip install lorekeeper[{detail}]`.",
                **names,
            )
        case "missing":
            return _(
                "There is no model {engine} ({detail}). `engine.model` takes a folder, a .gguf "
                "file or a hub id.",
                **names,
            )
        case "broken":
            return _("The model {engine} cannot be read: {detail}", **names)
        case "architecture":
            return _(
                "The model {engine} cannot run here ({detail}). Serve it with a program that knows "
                "it and set `engine.base_url`, or use its .gguf file.",
                **names,
            )
        case "template":
            return _("The chat template of {engine} cannot be used: {detail}", **names)
        case "no_template":
            return _(
                "The model {engine} comes without a chat template. Name a file with one: "
                "`engine.chat_template`.",
                **names,
            )
        case "memory":
            return _(
                "The model {engine} does not fit ({detail}). Take a smaller one, or less of it: "
                "`engine.quantization`, `engine.max_concurrent`, `engine.context_window`.",
                **names,
            )
        case _:
            assert_never(error.problem)


@explain.register
def _engine_memory(error: core_errors.EngineMemoryError, _: Words) -> str:
    return _(
        "The memory of the model {engine} ran out over your question ({tokens} tokens). Ask a "
        "shorter one, or try again when fewer people ask.",
        engine=inert(error.engine),
        tokens=error.tokens,
    )


@explain.register
def _engine_rate_limited(error: core_errors.EngineRateLimitedError, _: Words) -> str:
    if error.retry_after is None:
        return _("The model {engine} is overloaded. Try again in a moment.",
                 engine=inert(error.engine))  # fmt: skip
    return _(
        "The model {engine} is overloaded. Try again in {wait}.",
        engine=inert(error.engine),
        wait=duration(error.retry_after, _),
    )


@explain.register
def _context_too_long(error: core_errors.ContextTooLongError, _: Words) -> str:
    return _(
        "Your question is too long for the model {engine}: {tokens} tokens, and it reads {limit} "
        "(`engine.context_window`). Ask a shorter one.",
        engine=inert(error.engine),
        tokens=error.tokens,
        limit=error.limit,
    )


@explain.register
def _engine_refused(error: core_errors.EngineRefusedError, _: Words) -> str:
    return _(
        "The model {engine} refused this request. Try other words.", engine=inert(error.engine)
    )


@explain.register
def _engine_access(error: core_errors.EngineAccessError, _: Words) -> str:
    return _(
        "The server of the model {engine} does not accept my key. Whoever runs this bot finds it "
        "under `engine.api_key`.",
        engine=inert(error.engine),
    )


@explain.register
def _engine_broke_off(error: core_errors.EngineBrokeOffError, _: Words) -> str:
    return _(
        "The model {engine} broke off here: this is not the whole answer. Ask again; if it stays "
        "away, another answers.",
        engine=inert(error.engine),
    )


@explain.register
def _engine_budget(error: core_errors.EngineBudgetError, _: Words) -> str:
    if error.period == "day":
        return _("What may be spent on the model {engine} today is used up.",
                 engine=inert(error.engine))  # fmt: skip
    return _("What may be spent on the model {engine} this month is used up.",
             engine=inert(error.engine))  # fmt: skip


@explain.register
def _embedder_too_far(error: core_errors.EmbedderTooFarError, _: Words) -> str:
    return _(
        "I learn nothing here: what is taught would be turned into numbers at {host}, and what is "
        "said here stays nearer (`/settings place`).",
        host=inert(error.host),
    )


@explain.register
def _engine_too_far(error: core_errors.EngineTooFarError, _: Words) -> str:
    if error.place == "own":
        return _(
            "The model {engine} runs on another machine, and what is asked here stays on this one "
            "(`/settings place`).",
            engine=inert(error.engine),
        )
    return _(
        "The model {engine} runs outside, at somebody else's, and what is asked here does not go "
        "there (`/settings place`).",
        engine=inert(error.engine),
    )


@explain.register
def _engine_timeout(error: core_errors.EngineTimeoutError, _: Words) -> str:
    return _(
        "The model {engine} took longer than {wait} (`engine.request_timeout_seconds`). Try again, "
        "or ask something shorter.",
        engine=inert(error.engine),
        wait=duration(error.seconds, _),
    )


@explain.register
def _queue_full(error: core_errors.QueueFullError, _: Words) -> str:
    if error.key.endswith("per_member"):
        return _.plural(
            "You have {count} question waiting already. Ask again when it is answered.",
            "You have {count} questions waiting already. Ask again when one is answered.",
            error.waiting,
        )
    if error.key.endswith("per_channel"):
        return _.plural(
            "{count} question of this channel is waiting already. Try again in a few minutes.",
            "{count} questions of this channel are waiting already. Try again in a few minutes.",
            error.waiting,
        )
    return _.plural(
        "{count} question is waiting already, which is as many as I keep (`{key}`). "
        "Try again in a few minutes.",
        "{count} questions are waiting already, which is as many as I keep (`{key}`). "
        "Try again in a few minutes.",
        error.waiting,
        key=error.key,
    )
