"""How is a finished discovery opened again, without features and without a model?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from affect_workbench.analyses.discovery.verify import VERDICTS
from affect_workbench.data.storage.atomic import require_complete
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.storage.saved_arrays import read_parquet, table_of
from affect_workbench.workbench.runs.older import current_records

RECORD, MEMBERS = "discover.json", "members.parquet"
_RENAMED = {"repeats": "explained_by"}
_AGAIN = "discover again with `workbench discover`"
_TEXT = ("name", "why", "true_class", "emotion", "direction", "verdict")
_WHOLE = ("slice", "n_explore", "n_confirm", "explained_by")
_NUMBERS = ("rate", "expected", "effect", "low", "high", "p", "q")


@dataclass(frozen=True)
class SavedDiscovery:
    """What was discovered.

    Attributes:
        headline: the outcome in one sentence.
        notes: sentences that a reader must see.
        table: one row a slice (see `analyses.discovery.discover.DiscoveryResult`).
        members: one row a (slice, picture): `slice`, `image_id`, `half`, `score`, and what is known of the picture.
    """

    headline: str
    notes: tuple[str, ...]
    table: pd.DataFrame
    members: pd.DataFrame


def load_discovery(folder: Path | str) -> SavedDiscovery:
    """The discovery in a folder.

    Raises:
        FileNotFoundError: no such folder, or a file is missing.
        ValueError: unfinished or damaged.
    """
    folder = Path(folder)
    require_complete(folder, what="discovery")
    record = current_records(read_record(folder / RECORD, otherwise=_AGAIN), "slices", _RENAMED)
    table = table_of(record, "slices", text=_TEXT, whole=_WHOLE, numeric=_NUMBERS)
    for one in record.records("slices"):
        if one.text("verdict") not in VERDICTS:
            raise one.refused("verdict", f"one of {', '.join(VERDICTS)}")
    needed = ("slice", "image_id", "half", "score")
    members = read_parquet(folder / MEMBERS, needed=needed, otherwise=_AGAIN)
    return SavedDiscovery(record.text("headline"), record.texts("notes"), table, members)
