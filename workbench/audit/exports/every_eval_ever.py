"""The figures of an audit in the schema of Every Eval Ever 0.3.0 (https://github.com/evaleval/every_eval_ever).

One aggregate file, and where pictures have a truth one row a picture beside it, at the place that the schema's data store
asks for: `data/<collection>/<developer>/<model>/<uuid>.json`. The uuid is made of the content, so that the same run is
always the same file. Pictures have no field of their own in the schema: a row says its `image_id`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.storage.atomic import write_bytes, write_json
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.workbench.audit.exports.audited import (
    NOT_PORTABLE,
    AuditedModel,
    audit_numbers,
    data_name,
    require_predictions,
    version_of,
)

SCHEMA_VERSION = "0.3.0"
_ACCURACY = "accuracy"
_EXTRACTION = {"label": "exact_match", "score": "argmax_of_scores", "cosine": "nearest_label_anchor"}
_RESERVED = {"con", "prn", "aux", "nul", "data", "unknown", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
"""Names that the schema's data store does not take as a folder."""


def write_every_eval_ever(result: AuditResult, folder: Path, model: AuditedModel, *, creator: str = "") -> Path:
    """Puts the two files under `folder`; returns the aggregate one.

    Args:
        result: the audit.
        folder: where to; it exists.
        model: both its developer and its name must be known.
        creator: the organisation that made the audit.

    Raises:
        ValueError: nothing was predicted, or the model is not named.
    """
    require_predictions(result, "eee")
    if not (model.developer and model.name):
        raise ValueError(
            "--to eee files results by model: give --model DEVELOPER/NAME, or audit with provider and name in --system"
        )
    identity = f"{model.developer}/{model.name}"
    collection = f"affect-workbench-{data_name(result)}"
    parts = [_portable(part) for part in (collection, model.developer, model.name)]
    stamp = str(int(datetime.fromisoformat(result.run.created).timestamp()))
    record = _aggregate(result, model, creator=creator, stamp=stamp) | {"evaluation_id": f"{parts[0]}/{identity}/{stamp}"}
    link = {key: record[key] for key in ("schema_version", "evaluation_id")} | {"model_id": identity}
    rows = "".join(json.dumps(link | row, ensure_ascii=False) + "\n" for row in _samples(result)).encode("utf-8")
    content = json.dumps(record, ensure_ascii=False).encode("utf-8") + rows
    name = uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=4)
    place = "/".join(("data", *parts))
    if rows:
        record["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": f"{place}/{name}_samples.jsonl",
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(rows).hexdigest(),
            "total_rows": rows.count(b"\n"),
        }
        write_bytes(folder / place / f"{name}_samples.jsonl", rows)
    write_json(folder / place / f"{name}.json", record)
    return folder / place / f"{name}.json"


def _aggregate(result: AuditResult, model: AuditedModel, *, creator: str, stamp: str) -> dict[str, Any]:
    relationship = "other" if not creator else "first_party" if creator == model.developer else "third_party"
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": "",
        "evaluation_timestamp": result.run.created,
        "retrieved_timestamp": stamp,
        "source_metadata": {
            "source_name": "Affect Workbench audit",
            "source_type": "evaluation_run",
            "source_organization_name": creator or "unknown",
            "evaluator_relationship": relationship,
        },
        "eval_library": {"name": "affect-workbench", "version": version_of(result)},
        "model_info": {
            "name": model.name,
            "id": f"{model.developer}/{model.name}",
            "developer": model.developer,
            "additional_details": {"deployment_type": "unknown", "model_availability": "unknown"},
        },
        "evaluation_results": list(_results(result)),
    }


def _results(result: AuditResult) -> Iterator[dict[str, Any]]:
    """Accuracy where it is known, the share of pairs that are skewed, and each cause."""
    numbers = audit_numbers(result)
    agreement = result.samples["audit_agreement"].dropna() if "audit_agreement" in result.samples else pd.Series(dtype=float)
    if len(agreement):
        name = "vote agreement" if result.run.truth == "votes" else "accuracy"
        ends = [numbers.get(f"{name.replace(' ', '_')}_{end}") for end in ("low", "high")]
        details = {"pictures": str(len(agreement))}
        yield _result(result, _ACCURACY, name, float(agreement.mean()), ends, details, lower_is_better=False)
    pairs = len(result.findings)
    details = {key: f"{value:g}" for key, value in numbers.items() if key.startswith("pairs_")}
    share = result.count("skewed") / pairs if pairs else 0.0
    yield _result(result, "skewed-pairs", "share of (slice, emotion) pairs that are skewed", share, [], details)
    row: Any
    for number, row in enumerate(result.causes.itertuples(), start=1):
        details = {name: str(getattr(row, name)) for name in ("slice", "emotion", "kind", "effect", "low", "high", "n")}
        effect, bounds = abs(float(row.effect)), sorted((abs(float(row.low)), abs(float(row.high))))
        least = 0.0 if row.low <= 0 <= row.high else bounds[0]
        name = f"absolute difference of rates: {row.cause}"
        yield _result(result, f"cause-{number}", name, effect, [least, bounds[1]], details)


def _result(
    result: AuditResult,
    key: str,
    name: str,
    score: float,
    ends: Sequence[float | None],
    details: dict[str, str],
    *,
    lower_is_better: bool = True,
) -> dict[str, Any]:
    found: dict[str, Any] = {"score": score, "details": details}
    if len(ends) == 2 and all(end is not None and np.isfinite(end) for end in ends):
        found["uncertainty"] = {"confidence_interval": {"lower": ends[0], "upper": ends[1], "confidence_level": 0.95}}
    return {
        "evaluation_result_id": key,
        "evaluation_name": f"{data_name(result)}: {name}",
        "source_data": {"dataset_name": data_name(result), "source_type": "other"},
        "metric_config": {
            "metric_id": key,
            "metric_name": name,
            "metric_unit": "proportion",
            "lower_is_better": lower_is_better,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": found,
    }


def _samples(result: AuditResult) -> Iterator[dict[str, Any]]:
    """A row for every picture with a truth: reference, prediction, whether it is right, attributes as text."""
    samples, labels = result.samples, list(result.taxonomy.labels)
    if "audit_agreement" not in samples:
        return
    attributes = [name for name in result.run.attributes if name in samples]
    votes = [VOTE_PREFIX + label for label in labels]
    name = next(_results(result))["evaluation_name"] if samples["audit_agreement"].notna().any() else ""
    for row in samples[samples["audit_agreement"].notna()].to_dict("records"):
        if result.run.truth == "votes":
            most = max(float(row[vote]) for vote in votes)
            reference = [label for label, vote in zip(labels, votes, strict=True) if float(row[vote]) == most]
        else:
            reference = [str(row["label"])]
        shown = {"raw": f"[picture {row['image_id']}]", "reference": reference}
        compact = json.dumps(shown, sort_keys=True, separators=(",", ":"))
        yield {
            "evaluation_name": name,
            "evaluation_result_id": _ACCURACY,
            "sample_id": str(row["image_id"]),
            "sample_hash": hashlib.sha256(compact.encode("utf-8")).hexdigest(),
            "interaction_type": "single_turn",
            "input": shown | {"choices": labels},
            "output": {"raw": [str(row["predicted"])]},
            "answer_attribution": [
                {
                    "turn_idx": 0,
                    "source": "output.raw",
                    "extracted_value": str(row["predicted"]),
                    "extraction_method": _EXTRACTION.get(result.run.measure, "custom"),
                    "is_terminal": True,
                }
            ],
            "evaluation": {"score": float(row["audit_agreement"]), "is_correct": row["predicted"] in reference},
            "metadata": {column: str(row[column]) for column in attributes if pd.notna(row[column])},
        }


def _portable(text: str) -> str:
    """The text as the name of a folder on every system.

    Raises:
        ValueError: nothing is left of it, or the name is reserved.
    """
    name = NOT_PORTABLE.sub("_", text).strip(" .")
    if not name or name.lower() in _RESERVED:
        raise ValueError(f"{text!r} cannot name a folder of Every Eval Ever: give --model DEVELOPER/NAME")
    return name
