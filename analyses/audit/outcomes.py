"""What does an audit find of numbers alone: ratings, scores of texts, anything measured where no emotion is predicted?

The same slices, rules and run folder as `analyses.audit.run.run_audit`; what is asked of predictions is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.notes import group_notes
from affect_workbench.analyses.audit.outcome_tables import OUTCOME_PREFIX, outcome_tables
from affect_workbench.analyses.audit.result import AuditResult, RunInfo, now
from affect_workbench.analyses.audit.tables import excluded_table
from affect_workbench.analyses.skew.findings import FINDING_COLUMNS
from affect_workbench.analyses.slices.attribute_kinds import kind_notes
from affect_workbench.analyses.slices.circular_columns import naming_columns
from affect_workbench.analyses.slices.coding import coded_attributes
from affect_workbench.analyses.slices.sliced import SlicedRows
from affect_workbench.analyses.slices.strata import Strata, strata_of
from affect_workbench.analyses.slices.sums import CodedColumns, slice_sums
from affect_workbench.data.datasets.measurements import Measurements
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.taxonomies.taxonomy import NO_LABELS

_STRUCTURE_COLUMNS = ("slice", "emotion", "n")
Compared = Callable[[SlicedRows, AuditConfig, Strata | None], dict[str, pd.DataFrame]]


def each_by_itself(data: SlicedRows, config: AuditConfig, adjusted_for: Strata | None) -> dict[str, pd.DataFrame]:
    """The tables of every outcome of the config, each with a false discovery rate of its own."""
    tables: dict[str, pd.DataFrame] = {}
    for name in config.outcomes:
        tables |= outcome_tables(data, config, name=name, adjusted_for=adjusted_for)
    return tables


def run_outcome_audit(
    measurements: Measurements,
    config: AuditConfig | None = None,
    *,
    inferred: frozenset[str] = frozenset(),
    provenance: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
    compared: Compared | None = None,
) -> AuditResult:
    """Slices the pictures by their attributes and says for every (slice, outcome) what the data can tell.

    Args:
        measurements: the pictures and their numbers.
        config: what to ask; its `outcomes` give way to those of the measurements.
        inferred: attributes that were inferred, not declared; their slices are corrected for many tests apart.
        provenance: what the caller knows of where the data came from; kept in `run`.
        progress: called with the name of each step before it starts.
        compared: makes the tables of all outcomes of sliced pictures, with the config and the strata, if any;
            `each_by_itself` when not given.

    Raises:
        ValueError: an unknown attribute, nothing to slice by, an outcome that is the same everywhere, or strata that cannot
            be made.
    """
    config = replace(config or AuditConfig(), outcomes=measurements.outcomes)
    say = progress or (lambda step: None)
    say("slicing")
    rows = measurements.rows
    available = [name for name in attribute_columns(rows) if name not in config.outcomes]
    coded, unusable = coded_attributes(
        rows,
        config.attributes,
        available=available,
        bins=config.bins,
        numeric=config.numeric,
        categorical=config.categorical,
        aside=naming_columns(rows, available),
    )
    kinds = kind_notes(rows, coded, numeric=config.numeric, categorical=config.categorical)
    say("counting")
    ones = CodedColumns.plain(np.ones((len(rows), 1)))
    sums = slice_sums(coded, ones, order=config.order, min_count=config.min_count, beside=1)
    slices = pd.DataFrame(
        {
            "slice": [spec.name for spec in sums.specs],
            "where": [spec.as_json() for spec in sums.specs],
            "order": [spec.order for spec in sums.specs],
            "n": np.rint(sums.inside[:, 0]).astype(np.int64),
            "n_complement": np.rint(sums.outside[:, 0]).astype(np.int64),
        }
    )
    say("testing")
    data = SlicedRows(rows, tuple(coded), inferred)
    adjusted_for = None
    if config.adjust_for:
        adjusted_for = strata_of(
            rows, config.adjust_for, bins=config.bins, numeric=config.numeric, categorical=config.categorical
        )
    tables = (compared or each_by_itself)(data, config, adjusted_for)
    tested = sum(int(table["p"].notna().sum()) for name, table in tables.items() if name.startswith(OUTCOME_PREFIX))
    nothing = dict.fromkeys(("audit_agreement", "audit_margin", "audit_x", "audit_y"), np.nan)
    return AuditResult(
        taxonomy=NO_LABELS,
        findings=pd.DataFrame(columns=list(FINDING_COLUMNS)),
        slices=slices,
        structure=pd.DataFrame(columns=list(_STRUCTURE_COLUMNS)),
        samples=rows.assign(**nothing),
        excluded=excluded_table(
            data, slices, min_count=config.min_count, reasons={"attribute": unusable}, intersections=sums.excluded
        ),
        run=RunInfo(
            created=now(),
            pictures=len(rows),
            pictures_with_truth=0,
            truth="none",
            measure="number",
            source=measurements.source,
            attributes=tuple(attribute.column for attribute in data.attributes),
            inferred=tuple(sorted(inferred)),
            tested=tested,
            config=config,
            notes=(*measurements.notes, *kinds, *group_notes(rows, numbers=True)),
            provenance=provenance or {},
        ),
        tables=tables,
    )
