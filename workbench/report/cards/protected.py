"""By which attributes must people not be treated differently, as far as names of columns tell?"""

from __future__ import annotations

import re
from collections.abc import Sequence

NAMES = ("gender", "sex", "age", "race", "ethnicity", "skin tone", "disability", "religion")
"""Words within the name of a column that make it protected, whatever else was named."""


def is_protected(column: str, named: Sequence[str] = ()) -> bool:
    """Whether a column was named, or has one of `NAMES` in its own name as whole words (`apparent_age`, not `image`)."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", column).lower()
    return column in named or any(f" {name} " in f" {spaced} " for name in NAMES)
