"""What can be chosen about a discovery? Free of heavy imports, so that the command line can offer it at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SPACES = ("features", "projected")


def _option(default: Any, text: str, **more: str) -> Any:
    return field(default=default, metadata={"help": text, **more})


@dataclass(frozen=True)
class DiscoveryConfig:
    """How slices are looked for and checked.

    Raises:
        ValueError: a number out of range (which, and what is legal).
    """

    space: str = _option(
        "features", "features: of the encoder; projected: of the probe, without the span of its label anchors"
    )
    components: int = _option(64, "principal components of the features that slices are made of")
    topics: int = _option(16, "number of clusters inside each true class", flag="clusters", was="topics")
    most: int = _option(20, "maximum number of slices that are verified on the held-out half", flag="max_slices", was="most")
    min_count: int = _option(10, "minimum number of held-out pictures in a slice that is tested")
    alpha: float = _option(0.05, "false discovery rate over all verified slices")
    tolerance: float = _option(0.02, "largest difference of rates that is negligible, as a share")
    seed: int = _option(0, "random seed of the halves and of everything drawn")

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise ValueError(f"no space {self.space!r}: expected {' or '.join(SPACES)}")
        for name, low, high in (
            ("components", 2, 2_000),
            ("topics", 2, 500),
            ("most", 1, 200),
            ("min_count", 1, 1e9),
            ("alpha", 1e-12, 0.5),
            ("tolerance", 0, 0.5),
            ("seed", 0, 2**32 - 1),
        ):
            if not low <= getattr(self, name) <= high:
                shown = type(self).__dataclass_fields__[name].metadata.get("flag", name)
                raise ValueError(f"{shown} is {getattr(self, name)}: expected between {low:g} and {high:g}")
