"""How is a count said: `1 picture`, `1,200 pictures`?"""

from __future__ import annotations


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun, `1 slice` or `2 slices`.

    Args:
        count: how many.
        one: the noun for one, and what goes with it.
        many: for any other number; `one` with an s when not given.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
