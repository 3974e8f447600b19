"""Which endpoint is asked and how, where is its key, and what was learned of it?"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class EndpointSettings:
    """Which endpoint, and how it is asked.

    Attributes:
        url: base address, e.g. `https://host/v1`.
        model: its name there.
        key_variable: environment variable that holds the key.
        timeout: seconds until an answer counts as failed.
        retries: how often a failed call is repeated, each time after a longer wait.
        parallel: calls at the same time.
        side: longest side in pixels at which pictures are sent.
        longest: tokens that an answer may have.
        temperature: of the sampling of texts.

    Raises:
        ValueError: no address, or a number that is too small.
    """

    url: str
    model: str
    key_variable: str = "OPENAI_API_KEY"
    timeout: float = 60.0
    retries: int = 5
    parallel: int = 4
    side: int = 512
    longest: int = 48
    temperature: float = 1.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"--endpoint {self.url!r} is no address: expected something like https://host/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("--endpoint holds a user, a password or a query: keys are taken from the environment only")
        least = {"timeout": 0.001, "retries": 0, "parallel": 1, "side": 1, "longest": 1, "temperature": 0.0}
        for name, smallest in least.items():
            if not getattr(self, name) >= smallest:
                raise ValueError(f"{name} is {getattr(self, name)}: expected {smallest:g} or more")

    @property
    def shown(self) -> str:
        """The address for people and files."""
        return urlunsplit(urlsplit(self.url)._replace(query="", fragment=""))

    def key(self) -> str:
        """The key from the environment; any word for a server on this machine that needs none.

        Raises:
            ValueError: it is not set.
        """
        key = os.environ.get(self.key_variable, "").strip()
        if not key and urlsplit(self.url).hostname not in _LOOPBACK:
            raise ValueError(
                f"no key for {self.shown}: set the environment variable {self.key_variable}, or name another one with "
                "--key-variable"
            )
        return key or "none"


@dataclass
class Known:
    """What was learned of an endpoint; goes into the shards, so that an interrupted run goes on in the same way.

    Attributes:
        model: the name that it gives itself; empty before its first answer.
        probabilities: whether log-probabilities came back.
        parameters: what is sent beside the messages.
        notes: sentences about what was found.
    """

    model: str = ""
    probabilities: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
