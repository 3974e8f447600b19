"""How is an audit kept in a run folder, opened again without a model, and found among others?

A run folder holds `audit.json` (findings, what was excluded, run record), `slices.parquet`, `structure.parquet`,
`samples.parquet`, `report.html`, `findings.csv` and `causes.csv` for a spreadsheet, `findings.json` and `junit.xml`, further
tables as `tables/<name>.parquet` and, where labelled pictures told how well they are read, `reading.json`; after a selftest
`selftest.json`; after somebody decided about a finding `review.json` (`workbench.runs.reviews`), and chose a slice on the
map `saved_slices.json` (`workbench.runs.saved_slices`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.accuracy import MeasuredAccuracy, accuracy_from_json
from affect_workbench.analyses.audit.permutation_check import PermutationCheck
from affect_workbench.analyses.audit.result import SCHEMA, AuditResult, RunInfo
from affect_workbench.analyses.audit.tables import EXCLUDED_COLUMNS
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.analyses.skew.findings import FINDING_COLUMNS
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.data.storage.atomic import MARKER, alone, atomic_folder, require_complete, write_json
from affect_workbench.data.storage.leftovers import discard, put_aside
from affect_workbench.data.storage.saved import Record, read_record
from affect_workbench.data.storage.saved_arrays import read_parquet, table_of
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.runs.files import DERIVED_FILES, PERMUTATION_CHECK_FILE, RUN_FILES
from affect_workbench.workbench.runs.flat import write_flat
from affect_workbench.workbench.runs.older import current_columns, current_records
from affect_workbench.workbench.runs.reviews import REVIEW_LOCK, Review, carried_reviews, merged, write_reviews
from affect_workbench.workbench.runs.saved_slices import load_saved_slices, merged_slices, write_saved_slices

_READING = "reading.json"
_TABLES = "tables"
_OLDER = (1,)
"""Schemas of runs that open still; some of their columns had other names."""
_AGAIN = "audit again"
_WHOLE_COLUMNS = ("n", "n_complement")
_TEXT_COLUMNS = ("slice", "emotion", "verdict", "attribution", "explained_by", "way", "parent", "where", "label_tree_level")


def audit_record(result: AuditResult) -> dict[str, Any]:
    """The JSON form of an audit: plain values only, null for what is not known."""
    return {
        "schema": SCHEMA,
        "headline": result.headline,
        "taxonomy": result.taxonomy.as_json(),
        "findings": _records(result.findings),
        "excluded": _records(result.excluded),
        "run": result.run.as_json(),
    }


def save_audit(
    result: AuditResult,
    folder: Path | str,
    *,
    report: str | None = None,
    beside: Callable[[Path], None] | None = None,
    reviews: Sequence[Review] = (),
    overwrite: bool = False,
) -> None:
    """Writes a run folder; it appears whole or not at all. What people decided and saved in a run that is replaced is kept.

    Args:
        result: the audit.
        folder: where to.
        report: the HTML report to put beside it.
        beside: writes further files into the folder before it appears, for other programs.
        reviews: decisions that were carried over from another run.
        overwrite: replace a run that is there.

    Raises:
        FileExistsError: the folder exists and `overwrite` is False.
        ValueError: the `review.json` or `saved_slices.json` of the run that is replaced cannot be read.
    """
    folder = Path(folder)
    with ExitStack() as held, atomic_folder(folder, overwrite=overwrite, derived=DERIVED_FILES, known=RUN_FILES) as partial:
        write_json(partial / "audit.json", audit_record(result))
        _written(result.slices).to_parquet(partial / "slices.parquet")
        result.structure.to_parquet(partial / "structure.parquet")
        storable(result.samples).to_parquet(partial / "samples.parquet")
        write_flat(result, partial)
        for name, table in result.tables.items():
            (partial / _TABLES).mkdir(exist_ok=True)
            _written(table).to_parquet(partial / _TABLES / f"{name}.parquet")
        if result.accuracy is not None:
            write_json(partial / _READING, result.accuracy.as_json())
        if report is not None:
            (partial / "report.html").write_text(report, encoding="utf-8", newline="\n")
        if beside is not None:
            beside(partial)
        # Read last, and held until the folder is replaced, so that nothing decided meanwhile is lost. (Windows renames no
        # folder in which a file is open.)
        if (folder / MARKER).is_file() and sys.platform != "win32":
            held.enter_context(alone(folder / REVIEW_LOCK))
        aside = put_aside(folder)
        kept = merged(reviews, carried_reviews(folder))
        if kept:
            write_reviews(kept, partial)
        slices = merged_slices(*map(load_saved_slices, (folder, *aside)))
        if slices:
            write_saved_slices(slices, partial)
    for earlier in aside:  # what people put into it is in the run now
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
        raise ValueError(f"{folder} is not an audit: it has no audit.json (is it a probe folder?)")
    record = read_record(folder / "audit.json", schema=SCHEMA, older=_OLDER, otherwise=_AGAIN)
    renamed = record.values["schema"] in _OLDER
    record = current_records(record, "findings") if renamed else record
    numbers = [name for name in FINDING_COLUMNS if name not in (*_TEXT_COLUMNS, "low_evidence", *_WHOLE_COLUMNS)]
    there = set(record.records("findings")[0].values) if record.records("findings") else set()
    findings = table_of(
        record,
        "findings",
        text=("slice", "emotion", "verdict"),
        whole=_WHOLE_COLUMNS,
        numeric=[name for name in numbers if name in there],
    ).reindex(columns=list(FINDING_COLUMNS))
    for one in record.records("findings"):
        _require_where(one.record("where"))
        if one.text("verdict") not in VERDICTS:
            raise one.refused("verdict", f"one of {', '.join(VERDICTS)}")
    findings = findings.astype(dict.fromkeys(numbers, float)).astype(dict.fromkeys(_WHOLE_COLUMNS, np.int64))
    taxonomy = Taxonomy.from_record(record, "taxonomy")
    excluded = table_of(record, "excluded", text=("what", "name", "reason"), numeric=("n",))
    return AuditResult(
        taxonomy=taxonomy,
        findings=findings,
        slices=_read(folder / "slices.parquet", needed=("slice", "where", "n", "n_complement")),
        structure=_read(folder / "structure.parquet", needed=("slice", "emotion")),
        samples=_read(folder / "samples.parquet", needed=("image_id", "predicted") if len(taxonomy) else ("image_id",)),
        excluded=excluded.reindex(columns=list(EXCLUDED_COLUMNS)).astype({"n": "Int64"}),
        run=_run(record.record("run")),
        accuracy=_reading(folder),
        permutation_check=_permutation_check(folder),
        tables={path.stem: _table(path, renamed=renamed) for path in sorted((folder / _TABLES).glob("*.parquet"))},
    )


@contextmanager
def naming_damage(folder: Path | str) -> Iterator[None]:
    """Around everything that is made of a run's tables: what a damaged one leads to becomes one line that names the run.

    Tables are many, and differ by what an audit was asked; each is checked by whoever shows it, and not before.

    Raises:
        ValueError: a table lacks a column, or holds something else than was written.
    """
    try:
        yield
    except (LookupError, AttributeError, TypeError, ArithmeticError, pd.errors.InvalidIndexError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise ValueError(f"{folder} opens, but a table or its record is damaged ({reason}): {_AGAIN}") from error


def _run(run: Record) -> RunInfo:
    """The record of a run, once it holds what every reader of a run counts on."""
    for name in ("created", "truth", "measure", "source"):
        run.text(name)
    for name in ("pictures", "pictures_with_truth", "tested"):
        run.whole(name, least=0)
    for name in ("attributes", "inferred", "notes"):
        run.texts(name)
    config = run.record("config")
    for name in ("alpha", "tolerance"):
        config.number(name)
    for name in ("order", "min_count", "bins"):
        config.whole(name, least=1)
    for version in run.record("versions").values:
        run.record("versions").text(version)
    for name in ("map", "sampled", "system", "inferred_from", "joined", "unproven"):
        if run.known(name):
            run.record(name)
    for name in ("remarks", "concept_sentences", "concepts", "gold", "wordings"):
        if run.known(name):
            run.texts(name)
    for name in ("command", "features", "probe", "predictions", "anchors", "training", "valence"):
        if run.known(name):
            run.text(name)
    try:
        return RunInfo.from_json(run.values)
    except (TypeError, ValueError) as error:
        raise run.damaged(f"run is damaged: {error}") from error


def _require_where(where: Record) -> None:
    """Refuses what are no conditions of a slice: values, or ranges with an end."""
    for column, value in where.values.items():
        if isinstance(value, dict):
            ends = where.record(column)
            for end in ends.values:
                ends.number(end)
        elif isinstance(value, list):
            raise where.refused(column, "a value or a range")
    try:
        SliceSpec.from_json(where.values)
    except (TypeError, ValueError) as error:
        raise where.damaged(f"{where.within.rstrip('.')} is not a slice: {error}") from error


def _written(table: pd.DataFrame) -> pd.DataFrame:
    """As Parquet can hold it: `where`, the conditions of a slice, as JSON text."""
    if "where" not in table:
        return table
    return table.assign(where=[json.dumps(where, ensure_ascii=False) for where in table["where"]])


def _table(path: Path, *, renamed: bool) -> pd.DataFrame:
    """A table beyond the cells; those of the space never had other names of columns."""
    table = _read(path)
    return current_columns(table) if renamed and not path.stem.startswith("space_") else table


def _read(path: Path, *, needed: Sequence[str] = ()) -> pd.DataFrame:
    table = read_parquet(path, needed=needed, otherwise=_AGAIN)
    if "where" not in table:
        return table
    return table.assign(where=pd.Series(conditions_of(table["where"], path=path), index=table.index, dtype=object))


def conditions_of(texts: Iterable[Any], *, path: Path, otherwise: str = _AGAIN) -> list[dict[str, Any]]:
    """The conditions of slices that a table in a file holds as JSON.

    Raises:
        ValueError: a text holds none.
    """
    try:
        where = [json.loads(text) for text in texts]
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read: where holds no conditions ({error}); {otherwise}") from error
    for row in Record(path, {"where": where}, otherwise).records("where"):
        _require_where(row)
    return where


def save_permutation_check(outcome: PermutationCheck, folder: Path | str) -> None:
    """Puts the outcome of a permutation check into a finished run folder."""
    write_json(Path(folder) / PERMUTATION_CHECK_FILE, asdict(outcome))


def _permutation_check(folder: Path) -> PermutationCheck | None:
    path = folder / PERMUTATION_CHECK_FILE
    if not path.is_file():
        return None
    record = read_record(path, otherwise="run `workbench permutation-check` again")
    record.whole("times", least=1)
    return record.made(PermutationCheck)


def _reading(folder: Path) -> MeasuredAccuracy | None:
    """None where nothing was measured, and in runs that are older than this file."""
    path = folder / _READING
    return accuracy_of(read_record(path, otherwise=_AGAIN)) if path.is_file() else None


def accuracy_of(record: Record) -> MeasuredAccuracy:
    """What `MeasuredAccuracy.as_json` wrote, each number where it is expected."""
    table_of(record, "models", text=("model", "kind"), whole=("n",), numeric=("accuracy", "low", "high"))
    if record.known("seen"):
        record.whole("seen", least=0)
    if record.known("confidence"):
        confidence = record.record("confidence")
        for name in ("asked", "level"):
            confidence.number(name)
        confidence.text("model"), confidence.whole("n", least=1)
        for name, known in (("seen", confidence.whole), ("threshold", confidence.number)):
            if confidence.known(name):
                known(name)
        curve = ("accuracy", "low", "high")
        table_of(confidence, "reliability", whole=("n",), numeric=("confidence", "from", "to", *curve))
        table_of(confidence, "coverage", whole=("n",), numeric=("threshold", "coverage", *curve))
    try:
        return accuracy_from_json(record.values)
    except ValueError as error:
        raise record.damaged(str(error)) from error


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    columns = {str(name): [_plain(value) for value in table[name].tolist()] for name in table.columns}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value


def storable(samples: pd.DataFrame) -> pd.DataFrame:
    """Columns of mixed Python types as text, since Parquet has one type a column; text and missing values stay."""
    mixed = {
        name: samples[name].map(lambda value: value if value is None or pd.isna(value) else str(value))
        for name in samples.columns
        if samples[name].dtype == object
        and pd.api.types.infer_dtype(samples[name], skipna=True) not in ("string", "empty", "boolean", "integer", "floating")
    }
    return samples.assign(**mixed)
