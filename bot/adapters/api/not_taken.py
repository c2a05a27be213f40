"""What is wrong with a body, in the words of who wrote it and not of who checks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.adapters.api.refusals import RefusedError

_LONGEST: Final = 500
_SAID: Final[Mapping[str, str]] = {
    "tools": "Tools are not called here: leave `tools` out.",
    "functions": "Functions are not called here: leave `functions` out.",
    "n": "There is one answer to a request: leave `n` out.",
    "logprobs": "There are no log probabilities: leave `logprobs` out.",
    "response_format": "Answers are text: leave `response_format` out.",
    "modalities": "Answers are text: leave `modalities` out.",
    "audio": "Answers are text: leave `audio` out.",
    "prediction": "Predictions are not used: leave `prediction` out.",
    "input": "Give `input` as a text, or as a list of at most 2048 texts, none of them empty; "
    "numbers of tokens are not taken.",
}
"""Of what clients send that is meant for other models."""
_PICTURE: Final = (
    "A picture must be a `data:` URL of a PNG, JPEG, GIF or WebP in base64: nothing is fetched."
)


def not_taken(errors: Sequence[Mapping[str, Any]]) -> RefusedError:
    """The answer to a body that is not taken, from what the check found."""
    # Of what could be one thing or another, the deepest place is what was meant.
    worst = max(errors, key=lambda one: len(one["loc"]))
    where, text = worst["loc"][1:], str(worst["msg"]).removeprefix("Value error, ")
    if worst["type"] == "json_invalid":
        about = f"The body is no valid JSON, from character {where[0]} on." if where else text
        return RefusedError(400, about, "invalid_json")
    if not where:
        return RefusedError(400, f"The body: {text}"[:_LONGEST], "invalid_value")
    param = str(where[0])
    told = _PICTURE if where[-1] == "url" else _SAID.get(param, f"{_named(where)}: {text}")
    return RefusedError(400, told[:_LONGEST], "invalid_value", param=param)


def _named(where: Sequence[object]) -> str:
    """The place as the body has it, without what it was held against there."""
    named = (part for part in where if isinstance(part, int) or str(part).isidentifier())
    return ".".join(map(str, named))
