"""What can be chosen about an audit? Free of heavy imports, so that the command line can offer it at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from affect_workbench.analyses.inference.resampling import Sampling
    from affect_workbench.analyses.inference.verdicts import Rules


def _option(default: Any, text: str, **more: str) -> Any:
    return field(default=default, metadata={"help": text, **more})


@dataclass(frozen=True)
class AuditConfig:
    """What an audit asks.

    Raises:
        ValueError: a number out of range (which, and what is legal).
    """

    attributes: tuple[str, ...] | None = _option(None, "attributes to slice by; default: all")
    order: int = _option(2, "maximum number of attributes in an intersection")
    min_count: int = _option(10, "minimum number of pictures in a slice that is tested")
    alpha: float = _option(0.05, "false discovery rate over all tested (slice, emotion) pairs")
    tolerance: float = _option(0.02, "largest difference of rates that is negligible, as a share")
    bins: int = _option(4, "quantile bins of a numeric attribute")
    numeric: tuple[str, ...] = _option(
        (), "columns to cut at quantiles, separated by commas, although they have few distinct numbers"
    )
    categorical: tuple[str, ...] = _option(
        (), "columns to take value by value, separated by commas, although they hold numbers"
    )
    further: bool = _option(
        True,
        "run the additional analyses: error rates, calibration, severity and more",
        flag="additional_analyses",
        was="further",
    )
    causes: bool = _option(True, "find the smallest set of causes that explains every skew")
    adjust_for: tuple[str, ...] = _option(
        (), "columns to adjust for, separated by commas (label: the true label); gives adjusted differences"
    )
    outcomes: tuple[str, ...] = _option(
        (), "numeric columns to compare between slices instead of slicing by them (valence, a score)"
    )
    protected: tuple[str, ...] = _option(
        (),
        "attributes that stand first in the report, beside those whose names say gender, sex, age, race, ethnicity, skin "
        "tone, disability or religion",
    )
    favourable: str = _option("", "the favourable emotion; gives impact ratios")
    draws: int = _option(
        999,
        "resamples (permutations or bootstrap samples) behind p values by chance; calibration and retrieval use at most 199",
        flag="resamples",
        was="draws",
    )
    map_pictures: int = _option(4_000, "maximum number of pictures on the map; 0 for no map")
    space_pictures: int = _option(
        2_000, "maximum number of pictures for slow analyses of the embedding space; 0 for none of these analyses"
    )
    seed: int = _option(0, "random seed of map and samples")

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
                shown = type(self).__dataclass_fields__[name].metadata.get("flag", name)
                raise ValueError(f"{shown} is {getattr(self, name)}: expected between {low:g} and {high:g}")

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
