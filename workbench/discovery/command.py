"""How do features and a probe become slices that nobody named, judged on pictures that were kept for it?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.audit.result import versions
from affect_workbench.analyses.discovery.discover import DiscoveryResult, discover
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.storage.atomic import atomic_folder, write_json
from affect_workbench.data.storage.threads import threads_for
from affect_workbench.data.tables.headers import is_table
from affect_workbench.data.tables.read import named
from affect_workbench.workbench.audit.inputs import load_predictions, predict_with_probe
from affect_workbench.workbench.audit.settings import AuditSettings
from affect_workbench.workbench.datasets.features import open_features
from affect_workbench.workbench.discovery.page import discovery_html
from affect_workbench.workbench.discovery.sentences import terminal_lines
from affect_workbench.workbench.discovery.settings import DiscoverSettings
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say, steps

_STEPS = ("projecting", "searching directions", "searching clusters", "searching tree leaves", "checking", "naming")


@writes_out()
def discover_slices(settings: DiscoverSettings, *, command: str = "", say: Say = print) -> DiscoveryResult:
    """Discovers slices and writes `slices.csv`, `members.parquet`, `discover.json` and `discover.html`.

    Raises:
        FileExistsError: the folder exists.
        ValueError: neither or both of probe and predictions, no labels, or see `analyses.discovery.discover`.
    """
    out = Path(settings.out)
    if bool(settings.probe) == bool(settings.predictions):
        raise ValueError(
            "give either --probe FOLDER to predict with, or --predictions TABLE; --features are needed with both"
        )
    features, predictions, provenance = _given(settings)
    notes: list[str] = []
    with steps("discovering", _STEPS) as step, threads_for(features.values.size):
        result = discover(features.values, predictions, config=settings.discovery, progress=step)
    notes += result.notes
    with atomic_folder(out, overwrite=settings.overwrite) as partial:
        result.table.to_csv(partial / "slices.csv", index=False)
        members_table(result, predictions.rows, predictions.predicted).to_parquet(partial / "members.parquet")
        record = result.as_json() | {"slices": _records(result.table), "versions": versions(), "command": command}
        write_json(partial / "discover.json", record | provenance)
        page = discovery_html(result, predictions.rows, predictions.predicted)
        (partial / "discover.html").write_text(page, encoding="utf-8", newline="\n")
    for note in notes:
        say(f"note: {note}")
    for line in terminal_lines(result):
        say(line)
    say(f"page: {out / 'discover.html'}")
    return result


def members_table(result: DiscoveryResult, rows: pd.DataFrame, predicted: npt.NDArray[np.int64]) -> pd.DataFrame:
    """One row a (slice, picture): `slice`, `image_id`, `position`, `half` (explore or confirm), `score` (larger = more).

    Also, for whoever shows them, what is known of the picture: `predicted`, and `path` and `label` where there are any.
    """
    labels = np.asarray(result.taxonomy.labels, dtype=object)
    known = {name: rows[name].to_numpy(dtype=object) for name in ("path", "label") if name in rows}
    known["predicted"] = labels[predicted]
    parts = [
        pd.DataFrame(
            {
                "slice": at + 1,
                "image_id": rows["image_id"].to_numpy(dtype=object)[members],
                "position": members,
                "half": np.where(result.explore[members], "explore", "confirm"),
                "score": result.scores[at, members],
            }
            | {name: values[members] for name, values in known.items()}
        )
        for at, members in enumerate(result.members)
    ]
    empty = pd.DataFrame({"slice": [], "image_id": [], "position": [], "half": [], "score": []})
    return pd.concat(parts, ignore_index=True) if parts else empty


def _given(settings: DiscoverSettings) -> tuple[FeatureSet, Predictions, dict[str, Any]]:
    """Features and predictions of the same pictures in the same order, and where they came from."""
    names = [item for item in settings.attributes if not is_table(Path(item))]
    if names:
        raise ValueError(f"--attributes takes tables here (.csv, .tsv, .parquet), got {named(names)}")
    audit = AuditSettings(
        out=settings.out,
        features=settings.features,
        probe=settings.probe,
        predictions=settings.predictions,
        encoder=settings.encoder,
        id_column=settings.id_column,
        split=settings.split,
        unseen_only=settings.unseen_only,
        trained_on=settings.trained_on,
        scores_prefix=settings.scores_prefix,
        votes_prefix=settings.votes_prefix,
        attributes=settings.attributes,
    )
    if settings.probe:
        given = predict_with_probe(audit)
        assert given.features is not None  # a probe reads features
        return given.features, given.predictions, given.provenance
    given = load_predictions(audit)
    features = open_features(settings.features, encoder=settings.encoder, id_column=settings.id_column)
    ids = pd.Index(features.rows["image_id"])
    positions = ids.get_indexer(given.predictions.rows["image_id"])
    if (positions < 0).all():
        raise ValueError(
            f"no id of --predictions matches a picture of --features: {named(given.predictions.rows['image_id'])} against "
            f"{named(ids)}"
        )
    predictions = given.predictions.take(positions >= 0)
    without = int((positions < 0).sum())
    if without:
        note = f"{plural(without, 'predicted picture has', 'predicted pictures have')} no features: left out"
        predictions = predictions.with_rows(predictions.rows, notes=(note,))
    provenance = given.provenance | {"features": f"{settings.features} ({features.spec.in_words()})"}
    return features.take(positions[positions >= 0]), predictions, provenance


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON can hold them: NaN as null."""
    return [
        {str(name): None if isinstance(value, float) and np.isnan(value) else value for name, value in row.items()}
        for row in table.astype(object).to_dict(orient="records")
    ]
