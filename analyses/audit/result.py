"""What does an audit return, and how is it asked for its tables?"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.accuracy import MeasuredAccuracy
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.outcome_tables import ADJUSTED_PREFIX, OUTCOME_PREFIX, outcome_findings
from affect_workbench.analyses.audit.permutation_check import PermutationCheck
from affect_workbench.analyses.fidelity.certificate import Certificate
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.analyses.skew.causes.table import CAUSE_COLUMNS
from affect_workbench.analyses.skew.findings import Finding
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

SCHEMA = 2
TABLES: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "a slice: accuracy beside its complement's",
        "adjusted": "a (slice, emotion): the difference within strata",
        "amplification": "a (value, emotion): how much stronger a tie is than in the training data",
        "amplification_means": "an attribute: its mean amplification",
        "attribute_words": "a (slice, outcome) of texts: the difference without and with words of the attribute itself",
        "calibration": "a slice: how good its probabilities are",
        "causal": "a (slice, emotion): a model's answers before and after an attribute was erased inside it",
        "causes": "a cause: a (slice, emotion) from which other skews follow",
        "comparability": "a (metric, attribute): what other tools compute",
        "concept_calibrated": "a (concept, emotion): the skew calibrated on labelled pictures",
        "concept_null": "a concept: beside random directions",
        "concept_overlap": "a (concept, emotion): how far its direction is that of the word",
        "concept_scores": "a picture: its score on each concept",
        "confusions": "a (slice, label, prediction): confusions beside the complement's",
        "distribution": "a slice: all emotions at once",
        "fidelity": "a slice, first all pictures: how often a probe says what its model answered",
        "fidelity_cells": "a (slice, emotion): the skew of a probe beside that of its model's answers",
        "layers": "a (place in a model, reader): what can be told of answers and labels from there",
        "levels": "a (slice, level of the label tree, group of labels)",
        "odds": "a (slice, emotion): true and false positive rates",
        "pairs": "a slice: all emotions at once, within pairs",
        "retrieval": "a (slice, emotion): its share among the pictures retrieved",
        "retrieval_figures": "an (attribute, emotion): what retrieval comes to",
        "severity": "a slice: mean valence of the predictions",
        "severity_beyond_labels": "a slice: the same beyond the labels",
        "space_about": "an analysis of the space: how many pictures it rests on, or why there is none",
        "space_alignment": "one: do pictures lie as words do?",
        "space_association": "a (slice, emotion): association of pictures and words",
        "space_collateral": "an attribute: what erasing it costs",
        "space_encoding": "an attribute: how well a linear probe decodes it",
        "space_erasure": "a (slice, emotion): the skew after erasing the attribute",
        "space_hubs": "an emotion: how many pictures its anchor is nearest to",
        "space_margins": "a slice: margins between the nearest labels",
        "space_mmd": "a slice: distance of its pictures from the complement's",
        "space_neighbours": "an attribute: how often neighbours share its value",
        "space_plane": "a picture: its place in the plane of the labels",
        "space_plane_badge": "one: how far that plane can be trusted",
        "space_plane_labels": "a label: its place in that plane",
        "space_pull": "a (slice, emotion): how far its pictures lie toward the anchor",
        "space_shift": "a (slice, emotion): what one standard deviation more would do",
        "space_wording": "a prompt variant: labels that flip",
        "texts": "a text: which picture it is about and what was found in it",
        "prompts": "a (slice, emotion, prompt): the skew under that prompt alone",
    }
)
"""Name of each table beyond the cells -> what one of its rows is about; an outcome's have names of their own."""
OUTCOME_TABLES = (OUTCOME_PREFIX, ADJUSTED_PREFIX)


@dataclass(frozen=True)
class RunInfo:
    """What an audit was made of, and with what.

    Attributes:
        created: when, as ISO 8601 in UTC.
        pictures: how many.
        pictures_with_truth: how many of them have a label or votes.
        truth: `labels`, `votes` or `none`.
        measure: what predictions are compared by: `cosine`, `score`, `label`, or `number` where nothing is predicted.
        source: what predicted, in words.
        attributes: columns that slices are made of.
        inferred: those of them that were inferred, not declared.
        tested: (slice, emotion) pairs, or (slice, outcome) pairs, that were tested.
        config: what was asked.
        notes: sentences that a reader must see first.
        versions: of Python, of this project and of the libraries that the numbers depend on.
        sampled: table -> pictures that it rests on, where these are a sample.
        resamples: table -> resamples that it rests on, where these are fewer than were asked.
        map: the record of the map and how far it can be trusted; None without a map.
        unproven: inferred attribute -> why nothing is said of its slices.
        provenance: what the caller knows: command, features, probe, remarks, what was stated of the system.
    """

    created: str
    pictures: int
    pictures_with_truth: int
    truth: str
    measure: str
    source: str
    attributes: tuple[str, ...]
    tested: int
    config: AuditConfig
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=lambda: versions())
    inferred: tuple[str, ...] = ()
    sampled: Mapping[str, int] = field(default_factory=dict)
    resamples: Mapping[str, int] = field(default_factory=dict)
    map: Mapping[str, Any] | None = None
    unproven: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values, what the caller knows beside the rest."""
        own = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "provenance"}
        return {"schema": SCHEMA, **_with_lists(own | {"config": _with_lists(asdict(self.config))}), **self.provenance}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunInfo:
        """What `as_json` gave, also by an older version: settings that it did not have yet are at their defaults.

        Raises:
            ValueError: a setting is out of range.
            TypeError: a key is missing.
        """
        names = {item.name for item in fields(cls)}
        own = _with_tuples({name: value for name, value in values.items() if name in names})
        known = {item.name for item in fields(AuditConfig)} & set(values["config"])
        settings = {name: values["config"][name] for name in known}
        config = AuditConfig(**_with_tuples(settings))
        rest = {name: value for name, value in values.items() if name not in names and name != "schema"}
        return cls(**{**own, "config": config}, provenance=rest)


def _with_lists(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _with_tuples(values: Mapping[str, Any]) -> Any:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def now() -> str:
    """The time in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class AuditResult:
    """Everything an audit found; reports and app only render it.

    Attributes:
        taxonomy: the labels.
        findings: one row a (slice, emotion) cell, columns of `Finding`, ranked.
        slices: one row a slice (see `slice_table`).
        structure: one row a (slice, emotion): distances to the anchors (see `structure_table`).
        samples: one row a picture: the predictions' rows with `predicted`, `answered` where known, `audit_agreement` (share
            of votes for the predicted label, NaN without truth), `audit_margin`, and its place `audit_x`, `audit_y` on the
            map (NaN when not on it).
        excluded: what was left out and why: `what` (attribute, concept, question, slice, pictures), `name`, `n`, `reason`.
        run: what the audit was made of, and with what.
        accuracy: how well the labelled pictures were read, where the caller measured it.
        permutation_check: how often the rules raise an alarm about nothing on these data, where that was tried.
        tables: what was asked beyond the cells, by name (see `analyses.audit.questions`); each is a section of report and
            app.
    """

    taxonomy: Taxonomy
    findings: pd.DataFrame
    slices: pd.DataFrame
    structure: pd.DataFrame
    samples: pd.DataFrame
    excluded: pd.DataFrame
    run: RunInfo
    accuracy: MeasuredAccuracy | None = None
    permutation_check: PermutationCheck | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def has_predictions(self) -> bool:
        """Whether emotions were predicted at all; else numbers alone were compared (`analyses.audit.outcomes`)."""
        return len(self.taxonomy) > 0

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """One row a (slice, outcome), ranked (`outcome_tables.outcome_findings`); empty where none was asked for."""
        return outcome_findings(self.tables)

    @property
    def causes(self) -> pd.DataFrame:
        """One row a cause, *new* ones first (`analyses.skew.causes.table.CAUSE_COLUMNS`); empty where there is none."""
        found = self.tables.get("causes")
        return pd.DataFrame(columns=list(CAUSE_COLUMNS)) if found is None else found

    def table(self, name: str) -> pd.DataFrame | None:
        """A table beyond the cells; None where this audit does not have it, or nothing is in it.

        Raises:
            ValueError: no audit has a table of this name.
        """
        if name not in TABLES and not name.startswith(OUTCOME_TABLES):
            raise ValueError(f"no audit has a table {name!r}: expected one of {', '.join(TABLES)}")
        table = self.tables.get(name)
        return None if table is None or table.empty else table

    def finding(self, position: int) -> Finding:
        """Row `position` of `findings` as a `Finding`, NaN as None."""
        row = self.findings.iloc[position]
        record: dict[str, Any] = {str(name): None if _is_missing(value) else value for name, value in row.items()}
        return Finding(**record)

    def count(self, verdict: str) -> int:
        """How many (slice, emotion) cells have this verdict; where nothing is predicted, how many (slice, outcome) pairs.

        Raises:
            ValueError: no such verdict.
        """
        if verdict not in VERDICTS:
            raise ValueError(f"no verdict {verdict!r}; verdicts: {', '.join(VERDICTS)}")
        return int(((self.findings if self.has_predictions else self.outcomes)["verdict"] == verdict).sum())

    @cached_property
    def certificate(self) -> Certificate | None:
        """Whether the probe speaks for the model that it stands in for; None where the predictions stand for themselves."""
        return Certificate.of(self.tables)

    @property
    def headline(self) -> str:
        """The outcome in one sentence; before it, where that is so, that the probe does not speak for its model."""
        what, table = ("emotion", self.findings) if self.has_predictions else ("outcome", self.outcomes)
        small, skewed = self.count("too small"), self.count("skewed")
        sentence = "" if self.certificate is None else self.certificate.headline
        sentence += (
            f"{skewed:,} of {len(table):,} (slice, {what}) pairs {'is' if skewed == 1 else 'are'} skewed; "
            f"{small:,} {'is' if small == 1 else 'are'} too small to tell, {self.count('undetermined'):,} undetermined, "
            f"{self.count('equivalent'):,} equivalent"
        )
        if not self.has_predictions or self.outcomes.empty:
            return sentence
        numbers = int((self.outcomes["verdict"] == "skewed").sum())
        verb = "is" if numbers == 1 else "are"
        return (
            f"{sentence}; of the numeric outcomes, {numbers:,} of {len(self.outcomes):,} (slice, outcome) pairs "
            f"{verb} skewed"
        )


def versions() -> dict[str, str]:
    """Versions of Python, of this project and of the libraries that the numbers depend on."""
    found = {"python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}"}
    for name in ("affect-workbench", "numpy", "pandas", "scipy", "scikit-learn", "umap-learn", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))
