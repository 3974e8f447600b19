"""How is an audit kept in a run folder, opened again without a model, and found among others?

A run folder holds `audit.json` (findings, what was excluded, run record), `slices.parquet`, `structure.parquet`,
`samples.parquet`, `report.html`, `findings.json` and `junit.xml`, further tables as `tables/<name>.parquet` and, where
labelled pictures told how well they are read, `reading.json`; after a selftest `selftest.json`; after somebody decided
about a finding `review.json` (`workbench.reviewing`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analyses.audit import EXCLUDED_COLUMNS, SCHEMA, AuditResult
from analyses.reading import ReadingQuality, reading_from_json
from analyses.selftest import SelfTest
from analyses.skew import FINDING_COLUMNS
from data.atomic import MARKER, alone, atomic_folder, record_of, require_complete, write_json
from data.leftovers import discard, put_aside
from data.taxonomy import Taxonomy
from workbench.reviewing import REVIEW_FILE, REVIEW_LOCK, Review, carried_reviews, merged, write_reviews

if TYPE_CHECKING:
    from workbench.gate_files import Findings

_READING = "reading.json"
_SELFTEST = "selftest.json"
_TABLES = "tables"
_DERIVED = ("report.html", REVIEW_FILE)
RUN_FILES = (*_DERIVED, _SELFTEST, "findings.json", "junit.xml")
"""What a run folder may hold beside what its marker lists; the last two stood beside it in the first runs of 0.1.0."""
_TEXT_COLUMNS = ("slice", "emotion", "verdict", "origin", "repeats", "where", "coarsest")


def audit_record(result: AuditResult) -> dict[str, Any]:
    """The JSON form of an audit: plain values only, null for what is not known."""
    return {
        "schema": SCHEMA,
        "headline": result.headline,
        "taxonomy": result.taxonomy.as_json(),
        "findings": _records(result.findings),
        "excluded": _records(result.excluded),
        "run": dict(result.run),
    }


def save_audit(
    result: AuditResult, folder: Path | str, *,
    report: str | None = None, findings: Findings | None = None, reviews: Sequence[Review] = (), overwrite: bool = False,
) -> None:  # fmt: skip
    """Writes a run folder; it appears whole or not at all. What people decided about a run that is replaced is kept.

    Args:
        result: the audit.
        folder: where to.
        report: the HTML report to put beside it.
        findings: what was found, for other programs, to put beside it.
        reviews: decisions that were carried over from another run.
        overwrite: replace a run that is there.

    Raises:
        FileExistsError: the folder exists and `overwrite` is False.
        ValueError: the `review.json` of the run that is replaced cannot be read.
    """
    folder = Path(folder)
    from workbench.gate_files import write_findings

    with ExitStack() as held, atomic_folder(folder, overwrite=overwrite, derived=_DERIVED, known=RUN_FILES) as partial:
        write_json(partial / "audit.json", audit_record(result))
        _written(result.slices).to_parquet(partial / "slices.parquet")
        result.structure.to_parquet(partial / "structure.parquet")
        _storable(result.samples).to_parquet(partial / "samples.parquet")
        for name, table in result.tables.items():
            (partial / _TABLES).mkdir(exist_ok=True)
            _written(table).to_parquet(partial / _TABLES / f"{name}.parquet")
        if result.reading is not None:
            write_json(partial / _READING, result.reading.as_json())
        if report is not None:
            (partial / "report.html").write_text(report, encoding="utf-8", newline="\n")
        if findings is not None:
            write_findings(findings, partial)
        # Read last, and held until the folder is replaced, so that nothing decided meanwhile is lost. (Windows renames no
        # folder in which a file is open.)
        if (folder / MARKER).is_file() and sys.platform != "win32":
            held.enter_context(alone(folder / REVIEW_LOCK))
        aside = put_aside(folder)
        kept = merged(reviews, carried_reviews(folder))
        if kept:
            write_reviews(kept, partial)
    for earlier in aside:  # its reviews are in the run now
        discard(earlier)


def load_audit(folder: Path | str) -> AuditResult:
    """The audit saved in a run folder.

    Raises:
        FileNotFoundError: no such folder, or a file is missing.
        ValueError: unfinished, damaged, not an audit, or of another schema.
    """
    folder = Path(folder)
    require_complete(folder, what="audit")
    if not (folder / "audit.json").is_file():
        raise ValueError(f"{folder} is not an audit: it has no audit.json (a probe folder was given?)")
    record = record_of(folder / "audit.json", schema=SCHEMA, otherwise="audit again")
    findings = pd.DataFrame(record["findings"], columns=list(FINDING_COLUMNS))
    numbers = [name for name in FINDING_COLUMNS if name not in (*_TEXT_COLUMNS, "low_evidence")]
    findings = findings.astype(dict.fromkeys(numbers, float)).astype({"n": np.int64, "n_complement": np.int64})
    return AuditResult(
        taxonomy=Taxonomy.from_json(record["taxonomy"]),
        findings=findings,
        slices=_read(folder / "slices.parquet"),
        structure=pd.read_parquet(folder / "structure.parquet"),
        samples=pd.read_parquet(folder / "samples.parquet"),
        excluded=pd.DataFrame(record["excluded"], columns=list(EXCLUDED_COLUMNS)).astype({"n": "Int64"}),
        run=record["run"],
        reading=_reading(folder),
        selftest=_selftest(folder),
        tables={path.stem: _read(path) for path in sorted((folder / _TABLES).glob("*.parquet"))},
    )


def _written(table: pd.DataFrame) -> pd.DataFrame:
    """As Parquet can hold it: `where`, the conditions of a slice, as JSON text."""
    if "where" not in table:
        return table
    return table.assign(where=[json.dumps(where, ensure_ascii=False) for where in table["where"]])


def _read(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    return table.assign(where=[json.loads(where) for where in table["where"]]) if "where" in table else table


def save_selftest(outcome: SelfTest, folder: Path | str) -> None:
    """Puts the outcome of a selftest into a finished run folder."""
    write_json(Path(folder) / _SELFTEST, asdict(outcome))


def _selftest(folder: Path) -> SelfTest | None:
    path = folder / _SELFTEST
    if not path.is_file():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    return SelfTest(**(record | {"within": tuple(record["within"])}))


def runs_under(root: Path | str) -> list[Path]:
    """Folders under `root` (or `root` itself) that hold a finished audit, the newest first."""
    root = Path(root)
    if not root.is_dir():
        return []
    found = {
        root,
        *(path.parent for path in root.glob("*/audit.json")),
        *(path.parent for path in root.glob("*/*/audit.json")),
    }
    whole = [path for path in found if (path / "audit.json").is_file() and (path / MARKER).is_file()]
    whole = [path for path in whole if not any(part.startswith(".") for part in path.relative_to(root).parts)]
    return sorted(whole, key=lambda path: ((path / MARKER).stat().st_mtime_ns, str(path)), reverse=True)


def _reading(folder: Path) -> ReadingQuality | None:
    """None where nothing was measured, and in runs that are older than this file."""
    path = folder / _READING
    return reading_from_json(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    columns = {str(name): [_plain(value) for value in table[name].tolist()] for name in table.columns}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value


def _storable(samples: pd.DataFrame) -> pd.DataFrame:
    """Columns of mixed Python types as text, since Parquet has one type a column; text and missing values stay."""
    mixed = {
        name: samples[name].map(lambda value: value if value is None or pd.isna(value) else str(value))
        for name in samples.columns
        if samples[name].dtype == object
        and pd.api.types.infer_dtype(samples[name], skipna=True) not in ("string", "empty", "boolean", "integer", "floating")
    }
    return samples.assign(**mixed)
