"""Expected failures of the surfaces. An error carries facts; `bot.wording` has the words.

SurfaceError
└── PortTakenError

`ConfigError` stands in `bot.config`: it names its key and line and is told as it is.
"""

from __future__ import annotations


class SurfaceError(Exception):
    """A surface cannot serve."""


class PortTakenError(SurfaceError):
    """The address cannot be listened on; `key` is where another one is configured."""

    def __init__(self, host: str, port: int, key: str) -> None:
        super().__init__(host, port)
        self.host = host
        self.port = port
        self.key = key
