"""The audited pictures as a data set that FiftyOne opens, in the format of its legacy importer, written without FiftyOne.

`metadata.json` without a `version` sends `fiftyone.types.FiftyOneDataset` to that importer, which needs no ids of its own.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.audit.tables import SCORE_OF
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import write_json
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.workbench.audit.exports.audited import data_name, version_of
from affect_workbench.workbench.report.first_page.headline import headline

_OWN = frozenset(("id", "filepath", "tags", "metadata", "image_id", "prediction", "ground_truth", "agreement", "skews"))
"""Fields that are not for an attribute: FiftyOne's own, and ours."""


def write_fiftyone(result: AuditResult, folder: Path, *, copy_pictures: bool = False) -> list[str]:
    """Puts `metadata.json`, `samples.json` and, where asked, the pictures in `data/` into a folder that exists.

    Args:
        result: the audit.
        folder: where to.
        copy_pictures: copy the pictures; else samples hold the place where they are.

    Returns:
        A sentence about the pictures that were left out, where there are some.

    Raises:
        ValueError: no picture of the run has a file.
    """
    samples = result.samples
    paths = samples["path"] if "path" in samples else pd.Series(np.nan, index=samples.index)
    there = np.array([isinstance(path, str) and Path(path).is_file() for path in paths], dtype=bool)
    if not there.any():
        why = "its files are gone" if "path" in samples else "it has no column path"
        raise ValueError(
            f"--to fiftyone shows pictures, and this run has none to show ({why}): audit a table with a column path"
        )
    kept = samples[there].reset_index(drop=True)
    places = [str(Path(path).resolve()) for path in kept["path"]]
    if copy_pictures:
        places = list(_copied(places, folder))
    skews = _skews(result, kept)
    fields = dict(zip(_attributes(result, kept), _field_names(_attributes(result, kept)), strict=True))
    rows = [
        _sample(row, place, found, fields=fields, votes=result.run.truth == "votes")
        for row, place, found in zip(kept.to_dict("records"), places, skews, strict=True)
    ]
    info: dict[str, Any] = {
        "headline": headline(result),
        "created": result.run.created,
        "affect-workbench": version_of(result),
    }
    info = info | {"classes": list(result.taxonomy.labels), "fields": {field: name for name, field in fields.items()}}
    write_json(folder / "metadata.json", {"name": data_name(result), "media_type": "image", "info": info})
    write_json(folder / "samples.json", {"samples": rows})
    left = int((~there).sum())
    return [f"{plural(left, 'picture')} left out: no file at the place that the run names"] if left else []


def _sample(row: Mapping[Any, Any], place: str, skews: list[str], *, fields: dict[str, str], votes: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"filepath": place, "tags": [row["split"]] if isinstance(row.get("split"), str) else []}
    found["image_id"] = str(row["image_id"])
    if isinstance(predicted := row.get("predicted"), str):
        found["prediction"] = _label(predicted, row.get(f"{SCORE_OF}{predicted}"))
    if votes:
        counts = {name.removeprefix(VOTE_PREFIX): row[name] for name in row if str(name).startswith(VOTE_PREFIX)}
        known = {label: float(count) for label, count in counts.items() if pd.notna(count)}
        most = [label for label, count in known.items() if count == max(known.values())]
        if len(most) == 1 and known[most[0]] > 0:
            found["ground_truth"] = _label(most[0], known[most[0]] / sum(known.values()))
    elif isinstance(label := row.get("label"), str):
        found["ground_truth"] = _label(label)
    if pd.notna(agreement := row.get("audit_agreement")):
        found["agreement"] = float(agreement)
    found["skews"] = skews
    return found | {field: _plain(row[name]) for name, field in fields.items() if pd.notna(row[name])}


def _label(label: str, confidence: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = {"_cls": "Classification", "label": label}
    return found if confidence is None or pd.isna(confidence) else found | {"confidence": float(confidence)}


def _skews(result: AuditResult, samples: pd.DataFrame) -> list[list[str]]:
    """For each picture the skews that stand on their own and that it is a case of: in the slice, and predicted so."""
    found: list[list[str]] = [[] for _ in range(len(samples))]
    findings = result.findings
    row: Any
    for row in findings[(findings["verdict"] == "skewed") & on_its_own(findings)].itertuples():
        cases = SliceSpec.from_json(row.where).mask(samples) & (samples["predicted"] == row.emotion).to_numpy()
        for position in np.flatnonzero(cases):
            found[position].append(f"{row.slice} → {row.emotion}")
    return found


def _attributes(result: AuditResult, samples: pd.DataFrame) -> list[str]:
    return [name for name in (*result.run.attributes, *result.run.config.outcomes) if name in samples]


def _field_names(names: Iterable[str]) -> Iterator[str]:
    """Names that FiftyOne takes as fields: letters, digits and underscores, none twice, none of `_OWN`."""
    taken = set(_OWN)
    for name in names:
        field = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        field = field if field and not field[0].isdigit() and field not in taken else f"attribute_{field}"
        unique, number = field, 1
        while unique in taken:
            number += 1
            unique = f"{field}_{number}"
        taken.add(unique)
        yield unique


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    finite = not isinstance(value, float) or np.isfinite(value)
    return value if finite and isinstance(value, str | bool | int | float) else str(value)


def _copied(places: Iterable[str], folder: Path) -> Iterator[str]:
    """Copies each file into `data/` under its number, since names of several folders may be one; where it is now."""
    (folder / "data").mkdir()
    for number, place in enumerate(places):
        name = f"data/{number:07d}{Path(place).suffix.lower()}"
        shutil.copyfile(place, folder / name)
        yield name
