"""What is taught where nothing may leave the machine, while the embedder is outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.commands.base import CommandContext
from core.commands.places import require_near
from core.errors import EmbedderTooFarError
from core.settings import Disclosure


class Held:
    disclosure = Disclosure(embedder_host="vectors.example.com", embedder_place="outside")


@pytest.mark.parametrize(("place", "embeds"), [("local", False), ("own", False), ("outside", True)])
def test_nothing_is_taught_further_out_than_allowed(place, embeds):
    from core.channels import UNCHOSEN

    context = CommandContext(
        None, None, {}, None, None, Held(), None, replace(UNCHOSEN, place=place)
    )
    assert context.embeds is embeds
    if embeds:
        require_near(context)
        return
    with pytest.raises(EmbedderTooFarError) as caught:
        require_near(context)
    assert caught.value.host == "vectors.example.com"
