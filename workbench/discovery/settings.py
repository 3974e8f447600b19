"""What can be set for `discover`?"""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_workbench.analyses.discovery.config import DiscoveryConfig
from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option, path_option


@dataclass(frozen=True)
class DiscoverSettings:
    """Find slices that no attribute names where predictions differ from labels, and verify them on held-out pictures."""

    out: str = path_option("", "folder for discover.html, slices.csv and members.parquet", required=True, short="-o")
    features: str = fields.features()
    probe: str = path_option("", "probe folder to predict with")
    predictions: str = path_option(
        "", "table of any model's predictions for these pictures, or a probe folder made with --folds; instead of --probe"
    )
    attributes: tuple[str, ...] = path_option(
        (), "tables to join by id, separated by commas; slices are named by their attributes"
    )
    scores_prefix: str = fields.columns_prefix("score")
    votes_prefix: str = fields.columns_prefix("vote")
    id_column: str = option("", "id column of a table")
    split: str = option("", "use this split only")
    unseen_only: bool = fields.unseen_only()
    trained_on: tuple[str, ...] = fields.trained_on()
    encoder: str = fields.encoder()
    overwrite: bool = fields.overwrite()
    discovery: DiscoveryConfig = field(default_factory=DiscoveryConfig)
