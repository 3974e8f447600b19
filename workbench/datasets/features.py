"""Which features does a command read, and where did they come from?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from affect_workbench.data.datasets.feature_files import read_features
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

if TYPE_CHECKING:
    pass
if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Source:
    """Features as a command was told of them: an absolute path, what made them, and the id column of a table."""

    path: str
    encoder: str = "unknown"
    id_column: str = ""

    @classmethod
    def at(cls, path: Path | str, *, encoder: str = "unknown", id_column: str = "") -> Source:
        """The features at a path that may be relative."""
        return cls(str(Path(path).resolve()), encoder, id_column)


def open_features(
    path: Path | str, *, encoder: str = "unknown", id_column: str = "", taxonomy: Taxonomy | None = None
) -> FeatureSet:
    """Features from a saved folder, a TinyEmo tree, or a table beside an `.npy` (see `data.datasets.feature_files`).

    Args:
        path: where they are.
        encoder: what made them, used only where the data do not say.
        id_column: id column of a table.
        taxonomy: bring labels to its spelling.
    """
    from affect_workbench.probes.runtime import read_vector

    spec = FeatureSpec(width=0, encoder=encoder)
    return read_features(path, read_vector=read_vector, spec=spec, taxonomy=taxonomy, id_column=id_column or None)
