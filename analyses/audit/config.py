"""What can be chosen about an audit? Free of heavy imports, so that the command line can offer it at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from affect_workbench.analyses.inference.resampling import Sampling
    from affect_workbench.analyses.inference.verdicts import Rules


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class AuditConfig:
    """What an audit asks.

    Raises:
        ValueError: a number out of range (which, and what is legal).
    """

    attributes: tuple[str, ...] | None = _option(None, "attributes to slice by; all when not given")
    order: int = _option(2, "most attributes in an intersection")
    min_count: int = _option(10, "fewest pictures in a slice that is tested")
    alpha: float = _option(0.05, "false discovery rate over all tested cells")
    tolerance: float = _option(0.02, "largest difference of rates that does not matter, as a share")
    bins: int = _option(4, "quantile bins of a numeric attribute")
    numeric: tuple[str, ...] = _option(
        (), "columns to cut at quantiles, with commas, though they have few different numbers"
    )
    categorical: tuple[str, ...] = _option((), "columns to take value by value, with commas, though they hold numbers")
    further: bool = _option(True, "also ask what the cells leave open: what is missed and mistaken, calibration, severity")
    adjust_for: tuple[str, ...] = _option(
        (), "columns to hold fixed, with commas (label is the truth): adjusted differences"
    )
    outcomes: tuple[str, ...] = _option((), "numeric columns to compare between slices, not to slice by (valence, a score)")
    favourable: str = _option("", "the emotion that is good for whom it is said of; gives impact ratios")
    draws: int = _option(999, "random draws behind every p by chance")
    map_pictures: int = _option(4_000, "most pictures on the map; 0 for no map")
    space_pictures: int = _option(2_000, "most pictures that slow analyses of the space are computed on; 0 for none of them")
    seed: int = _option(0, "seed of map and samples")

    def __post_init__(self) -> None:
        for name, low, high in (
            ("order", 1, 3),
            ("min_count", 1, 1e9),
            ("alpha", 1e-12, 0.5),
            ("tolerance", 0, 0.5),
            ("bins", 2, 50),
            ("draws", 19, 1_000_000),
            ("map_pictures", 0, 20_000),
            ("space_pictures", 0, 50_000),
            ("seed", 0, 2**32 - 1),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}: expected between {low:g} and {high:g}")

    @cached_property
    def rules(self) -> Rules:
        """What decides which slices there are and which verdict they get."""
        from affect_workbench.analyses.inference.verdicts import Rules

        return Rules(self.min_count, self.alpha, self.tolerance, self.order)

    @cached_property
    def sampling(self) -> Sampling:
        """How often something is drawn at random, and from which seed."""
        from affect_workbench.analyses.inference.resampling import Sampling

        return Sampling(self.draws, self.seed)
