"""How is a model behind an address called, and what does that cost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from affect_workbench.data.plurals import plural
from affect_workbench.workbench.interface.fields import option
from affect_workbench.workbench.models.asking.loading import Loading

if TYPE_CHECKING:
    from affect_workbench.probes.asking.endpoint_settings import EndpointSettings
    from affect_workbench.probes.asking.questions import Question


@dataclass(frozen=True)
class Calling:
    """Which service is called and how, and what a token costs there; without an address a model is loaded instead."""

    endpoint: str = option("", "address of an OpenAI-compatible service, e.g. https://host/v1; pictures are sent there")
    key_variable: str = option("OPENAI_API_KEY", "environment variable that holds the key of --endpoint")
    timeout: float = option(60.0, "seconds after which a call to --endpoint has failed")
    retries: int = option(5, "repetitions of a failed call, each after a longer wait")
    parallel: int = option(4, "calls to --endpoint at the same time")
    side: int = option(512, "longest side in pixels of the pictures sent to --endpoint")
    dry_run: bool = option(False, "only print how many calls and tokens it will take, and the cost; nothing is sent")
    price_in: float = option(0.0, "price of a million tokens read, for the cost")
    price_out: float = option(0.0, "price of a million tokens written, for the cost")
    picture_tokens: int = option(0, "tokens of a picture, for the cost; 0: by the rule for GPT-4o")

    def settings(self, model: str, *, longest: int, temperature: float) -> EndpointSettings:
        """The endpoint at which `model` writes texts of up to `longest` tokens.

        Raises:
            ValueError: see `EndpointSettings`.
        """
        from affect_workbench.probes.asking.endpoint_settings import EndpointSettings

        own = {name: getattr(self, name) for name in ("key_variable", "timeout", "retries", "parallel", "side")}
        return EndpointSettings(self.endpoint, model, **own, longest=longest, temperature=temperature)

    def require_usable(self, model: str, *, longest: int, temperature: float) -> None:
        """Refuses prices and calls that cannot be; arguments as of `settings`.

        Raises:
            ValueError: which.
        """
        require_least(self, "price_in", "price_out", "picture_tokens", least=0)
        if self.endpoint:
            self.settings(model, longest=longest, temperature=temperature)

    def way(self, loading: Loading) -> dict[str, Any]:
        """What of the calls, or of the model in memory, tells answers that may be put together from others."""
        names = ("dtype", "quantization", "attn_implementation")
        return {"side": self.side} if self.endpoint else {name: getattr(loading, name) for name in names}

    def shard(self, batch: int) -> int:
        """How many answers are kept together, so that a kill loses no more; a model in memory answers `batch` at once."""
        return max(4 * self.parallel, 16) if self.endpoint else 8 * batch

    def cost(self, todo: Sequence[Question], *, answered: int, longest: int) -> str:
        """What these questions will take where `answered` others are answered: calls, tokens and money."""
        from affect_workbench.probes.asking.cost import expected_cost, picture_tokens

        cost = expected_cost(
            todo,
            longest=longest,
            per_picture=self.picture_tokens or picture_tokens(self.side),
            per_million_in=self.price_in,
            per_million_out=self.price_out,
        )
        money = "needs --price-in and --price-out" if cost.price is None else f"at most about {cost.price:,.2f}"
        tokens = f"about {cost.tokens_in:,} tokens in and at most {cost.tokens_out:,} out"
        return f"{plural(cost.calls, 'call')}{already(answered)}, {tokens}; cost: {money}"


def already(answered: int) -> str:
    """That so many questions are answered, from an interrupted run; nothing where none is."""
    return f" ({answered:,} more are answered already)" if answered else ""


def flag(name: str) -> str:
    """The option of a setting."""
    return f"--{name.replace('_', '-')}"


def require_least(settings: object, *names: str, least: int) -> None:
    """Refuses settings that are too small.

    Raises:
        ValueError: the first.
    """
    for name in names:
        if getattr(settings, name) < least:
            raise ValueError(f"{flag(name)} is {getattr(settings, name):g}: expected {least} or more")
