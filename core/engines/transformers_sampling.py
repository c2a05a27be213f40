"""How the next token is chosen, for every request of a batch by its own parameters.

The library sorts the whole vocabulary twice a step (19 ms for eight requests on a CPU, where this
takes one) and has one random state for all. Here a request's choice depends on its own seed and
position alone: whoever else is in the batch, it stays the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import torch

_CANDIDATES: Final = 64
"""Only the likeliest tokens are ever chosen."""
_COLDEST: Final = 1e-3
_MIXERS: Final = (-4658895280553007687, -7723592293110705685)
_STRIDE: Final = -7046029254386353131
"""Constants of splitmix64, as signed numbers."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Temperature 0: always the likeliest token."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None

    def keywords(self) -> dict[str, float | int]:
        """As the library carries them along with a request."""
        seed = secrets.randbits(31) if self.seed is None else self.seed
        return {"temperature": self.temperature, "top_p": self.top_p, "seed": seed}


class BatchSampling:
    """Stands in the place of the library's list of logits processors.

    Of the scores of a request that samples, the chosen token's becomes the highest: the library
    then takes the likeliest token of each.
    """

    tensors_required = 3
    do_processing = True

    def __init__(self, *, always: bool) -> None:
        """`always`: also where no request of a step samples. On a card steps are recorded and
        played again, so what they do must not depend on who is in them."""
        self._always = always
        self._any = False

    def check_kwargs(self, kwargs: Mapping[str, Any]) -> None:
        """All are known: they come from `Sampling.keywords`."""

    def fill_defaults(self, storage: torch.Tensor) -> None:
        """A temperature of 0 for rows that pad a batch."""
        storage.zero_()

    def prepare_tensor_args(
        self, requests_in_batch: Sequence[Any], arg_storage: torch.Tensor
    ) -> torch.Tensor:
        """Write temperature, top_p and key of each request that gets a token into the storage."""
        import torch

        storage = arg_storage
        states = [request.state for request in requests_in_batch if request.has_new_token]
        given = [state.logit_processor_kwargs for state in states]
        self._any = self._always or any(one["temperature"] > 0.0 for one in given)
        if not states or not self._any:
            return storage
        levels = [[one["temperature"] for one in given], [one["top_p"] for one in given]]
        keys = [
            hash((one["seed"], state.position_offset)) & 0x7FFFFFFF
            for one, state in zip(given, states, strict=True)
        ]
        packed = torch.tensor(levels, dtype=torch.float32).view(torch.int32)
        rows = torch.cat((packed, torch.tensor([keys], dtype=torch.int32)))
        storage[:, : len(states)] = rows.to(storage.device)
        return storage

    def __call__(
        self, _input_ids: torch.Tensor, scores: torch.Tensor, arguments: torch.Tensor
    ) -> torch.Tensor:
        """Scores of shape (requests, vocabulary), changed in place."""
        import torch

        if not self._any:
            return scores
        rows = arguments[:, : scores.size(0)]
        temperature = rows[0].view(torch.float32).unsqueeze(-1)
        top_p = rows[1].view(torch.float32).unsqueeze(-1)
        values, tokens = scores.topk(min(_CANDIDATES, scores.size(-1)), dim=-1)
        scaled = values / temperature.clamp_min(_COLDEST)
        likely = scaled.softmax(dim=-1)
        unlikely = likely.cumsum(dim=-1) - likely >= top_p.clamp_min(_COLDEST)
        noisy = (scaled + _gumbel(rows[2].unsqueeze(-1), tokens)).masked_fill(
            unlikely, float("-inf")
        )
        # The place of the likeliest is 0, also where none is to be drawn.
        place = noisy.argmax(dim=-1, keepdim=True)
        token = tokens.gather(-1, place)
        own = scores.gather(-1, token)
        raised = torch.where(temperature > 0.0, torch.full_like(own, float("inf")), own)
        return scores.scatter_(-1, token, raised)


def _gumbel(keys: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Noise that depends on key and token alone; adding it to log-odds and taking the highest
    draws from their distribution (the Gumbel-max trick)."""
    mixed = (keys.long() + 1) * _STRIDE + (tokens.long() + 1) * _MIXERS[1]
    mixed = (mixed ^ (mixed >> 30 & 0x3FFFFFFFF)) * _MIXERS[0]
    mixed = (mixed ^ (mixed >> 27 & 0x1FFFFFFFFF)) * _MIXERS[1]
    mixed = mixed ^ (mixed >> 31 & 0x1FFFFFFFF)
    uniform = ((mixed >> 40 & 0xFFFFFF).float() + 0.5) * 2.0**-24
    return -(-uniform.log()).log()
