"""Which models and probes lie under a folder, and which labels does a probe know? Nothing is loaded."""

from __future__ import annotations

from pathlib import Path

from affect_workbench.data.storage.atomic import finished_under
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

_CONFIG = "config.json"
_PROCESSORS = ("processor_config.json", "preprocessor_config.json")
_DEPTHS = ("", "*/", "*/*/")


def models_under(root: Path | str) -> list[Path]:
    """Folders up to two levels under `root` that hold a model with its processor for pictures, the newest first."""
    found = {path.parent for name in _PROCESSORS for depth in _DEPTHS for path in Path(root).glob(depth + name)}
    whole = [path for path in found if (path / _CONFIG).is_file()]
    return sorted(whole, key=lambda path: ((path / _CONFIG).stat().st_mtime_ns, str(path)), reverse=True)


def probes_under(root: Path | str) -> list[Path]:
    """Folders up to two levels under `root` that hold a probe, the newest first."""
    return [path for path in finished_under(root, _CONFIG) if (path / "pictures.parquet").is_file()]


def labels_of(probe: Path) -> tuple[str, ...]:
    """The labels of the probe in a folder, as its record has them.

    Raises:
        FileNotFoundError, ValueError: there is none, or it is damaged.
    """
    return Taxonomy.from_record(read_record(probe / _CONFIG), "taxonomy").labels
