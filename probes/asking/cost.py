"""How many calls and tokens will it take to ask, and what will they cost?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from affect_workbench.probes.asking.questions import Question

_LETTERS_PER_TOKEN = 4
_TILE, _BASE, _PER_TILE = 512, 85, 170
_FRAME = 10
"""Tokens around a message."""


@dataclass(frozen=True)
class Cost:
    """What asking takes.

    Attributes:
        calls: questions that are put.
        tokens_in: tokens that are read.
        tokens_out: tokens that are written, at most.
        price: in the currency of the prices; None without prices.
    """

    calls: int
    tokens_in: int
    tokens_out: int
    price: float | None


def price(tokens_in: int, tokens_out: int, *, per_million_in: float, per_million_out: float) -> float | None:
    """What tokens cost at prices for a million; None where no price is known."""
    if per_million_in <= 0 and per_million_out <= 0:
        return None
    return (tokens_in * per_million_in + tokens_out * per_million_out) / 1e6


def picture_tokens(side: int) -> int:
    """Tokens of a square picture by the rule that OpenAI publishes for GPT-4o; other models count otherwise.

    85, and 170 for each tile of 512 x 512 pixels (https://platform.openai.com/docs/guides/images-vision).
    """
    return _BASE + _PER_TILE * math.ceil(side / _TILE) ** 2


def expected_cost(
    questions: Sequence[Question], *, longest: int, per_picture: int, per_million_in: float, per_million_out: float
) -> Cost:
    """What these questions will take: tokens estimated from the texts' lengths, every answer as long as is allowed."""
    tokens_in = sum(math.ceil(len(one.text) / _LETTERS_PER_TOKEN) + _FRAME + per_picture for one in questions)
    tokens_out = longest * len(questions)
    money = price(tokens_in, tokens_out, per_million_in=per_million_in, per_million_out=per_million_out)
    return Cost(len(questions), tokens_in, tokens_out, money)
