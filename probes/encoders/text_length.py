"""Is a text short enough for a text model to read the whole of it?

Every text tower has a context: so many tokens it reads, its start and end counted. Its own tokenizer cuts off the rest and
says nothing, so that two prompts which differ in their last words become one and the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from affect_workbench.data.plurals import plural

TokenCounts = Callable[[Sequence[str]], list[int]]
"""Texts -> how many tokens each has when nothing is cut off, start and end counted."""
_SHOWN = 60
_UNLIMITED = 1_000_000
"""From here on a tokenizer's `model_max_length` says that it knows of no limit."""


def require_within(texts: Sequence[str], counts: Sequence[int], context: int, *, model: str) -> None:
    """Refuses texts that a model would read in part only.

    Args:
        texts: as the model gets them, with the phrase that a prompt was put into.
        counts: tokens of each, start and end counted.
        context: tokens that the model reads; 0 where it has no limit.
        model: its name.

    Raises:
        ValueError: there are such texts (how many, the first, its tokens, and the limit).
    """
    longer = [(text, count) for text, count in zip(texts, counts, strict=True) if count > context > 0]
    if not longer:
        return
    text, count = max(longer, key=lambda one: one[1])
    shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1].rstrip()}…"
    raise ValueError(
        f"{plural(len(longer), 'text is', 'texts are')} "
        f"too long for {model}: {shown!r} has {count} tokens (its start and end, and the phrase "
        f"that a prompt is put into, are counted), at most {context} are read and the rest would be cut off: shorten it by "
        f"{count - context} or more"
    )


def open_clip_counts(tokenizer: Any) -> TokenCounts:
    """The counter of a tokenizer of open_clip: byte pairs of its own, or a wrapped one of transformers."""
    wrapped = getattr(tokenizer, "tokenizer", None)
    if wrapped is None:
        return lambda texts: [len(tokenizer.encode(text)) + 2 for text in texts]
    clean = getattr(tokenizer, "clean_fn", lambda text: text)
    # A class token that is put behind the end is one more than the usual two.
    added = int(getattr(tokenizer, "tokenizer_mode", "") == "clips")
    counts = transformers_counts(wrapped)
    return lambda texts: [count + added for count in counts([clean(text) for text in texts])]


def transformers_counts(tokenizer: Any) -> TokenCounts:
    """The counter of a tokenizer of transformers."""
    return lambda texts: [len(ids) for ids in tokenizer(list(texts), verbose=False)["input_ids"]]


def transformers_context(positions: int | None, tokenizer: Any) -> int:
    """Tokens that a model of transformers reads: the fewer of its `positions` and its tokenizer's limit; 0 for no limit."""
    known = [limit for limit in (positions, tokenizer.model_max_length) if limit and limit < _UNLIMITED]
    return min(known, default=0)
