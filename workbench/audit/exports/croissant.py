"""The audited table as a Croissant 1.1 data set (https://docs.mlcommons.org/croissant/), with what was found of its biases.

`croissant.json` describes three CSV files beside it: the pictures with labels, predictions and attributes, the findings, and
the causes. Properties of the vocabulary for responsible AI (`rai:`) hold what was stated of the data, and what was found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.storage.atomic import write_bytes, write_json
from affect_workbench.workbench.audit.exports.audited import data_name, finding_sentences, version_of
from affect_workbench.workbench.report.first_page.headline import headline
from affect_workbench.workbench.report.system.data import attribute_lines, label_sentences, missing_sentences
from affect_workbench.workbench.report.system.section import stated_card
from affect_workbench.workbench.runs.flat import CAUSES_CSV, FINDINGS_CSV, csv_bytes, findings_table, flat

_TERMS: tuple[str, ...] = ("column", "data", "equivalentProperty", "extract", "field", "fileObject", "fileProperty")
_TERMS += ("fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet")
_TERMS += ("references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform")
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "conformsTo": "dct:conformsTo",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: {"@id": "cr:data", "@type": "@json"} if name == "data" else f"cr:{name}" for name in _TERMS},
}
_CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]


def write_croissant(result: AuditResult, folder: Path, *, url: str, license: str = "", creator: str = "") -> None:
    """Puts `croissant.json` and the CSV files that it describes into a folder that exists.

    Args:
        result: the audit.
        folder: where to.
        url: web address of the data.
        license: of the data; as stated of the system where not given.
        creator: who made the data set; the provider that was stated where not given.

    Raises:
        ValueError: one of the three is not known, all of which Croissant requires.
    """
    card = stated_card(result)
    required = {"--url": url, "--license": license or card.data_licence, "--creator": creator or card.provider}
    if missing := [flag for flag, value in required.items() if not value]:
        raise ValueError(
            f"Croissant requires what this run does not know: give {', '.join(missing)} (data_licence and provider of an "
            "audit's --system stand for --license and --creator)"
        )
    tables = {"pictures.csv": _pictures(result), FINDINGS_CSV: findings_table(result), CAUSES_CSV: flat(result.causes)}
    written = {name: csv_bytes(table) for name, table in tables.items()}
    for name, content in written.items():
        write_bytes(folder / name, content)
    record = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": data_name(result),
        "description": f"Pictures as a model predicted them, and what affect-workbench {version_of(result)} found. "
        f"{headline(result)}.",
        "license": required["--license"],
        "url": url,
        "creator": {"@type": "sc:Organization", "name": required["--creator"]},
        "datePublished": result.run.created[:10],
        "distribution": [_file(name, content) for name, content in written.items()],
        "recordSet": [_record_set(name, table) for name, table in tables.items() if len(table)],
    }
    write_json(folder / "croissant.json", record | dict(_responsible(result)))


def _pictures(result: AuditResult) -> pd.DataFrame:
    """The pictures without what the audit draws for itself, and without where files lie on one machine."""
    own = [name for name in result.samples if str(name).startswith("audit_") and name != "audit_agreement"]
    return flat(result.samples.drop(columns=[*own, *(["path"] if "path" in result.samples else [])]))


def _file(name: str, content: bytes) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": "text/csv",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _record_set(name: str, table: pd.DataFrame) -> dict[str, Any]:
    stem = name.removesuffix(".csv")
    return {"@type": "cr:RecordSet", "@id": stem, "name": stem, "field": [_field(stem, name, table[one]) for one in table]}


def _field(stem: str, file: str, column: pd.Series) -> dict[str, Any]:
    name = str(column.name)
    return {
        "@type": "cr:Field",
        "@id": f"{stem}/{name}",
        "name": name,
        "dataType": _data_type(column),
        "source": {"fileObject": {"@id": file}, "extract": {"column": name}},
    }


def _data_type(column: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(column):
        return "sc:Boolean"
    if pd.api.types.is_integer_dtype(column):
        return "sc:Integer"
    return "sc:Float" if pd.api.types.is_numeric_dtype(column) else "sc:Text"


def _responsible(result: AuditResult) -> Iterator[tuple[str, list[str]]]:
    """What was stated of the data, and what was found, by property of the vocabulary; only what is known."""
    card = stated_card(result)
    parts: dict[str, Iterable[str | None]] = {
        "rai:dataCollection": [card.data_source],
        "rai:dataAnnotationProtocol": [card.labelled_by, *label_sentences(result, card.labels_mean)],
        "rai:dataManipulationProtocol": [card.attributes_from, *attribute_lines(result)],
        "rai:personalSensitiveInformation": [card.consent],
        "rai:dataUseCases": [card.purpose],
        "rai:dataSocialImpact": card.impacts or (),
        "rai:dataBiases": list(finding_sentences(result)),
        "rai:dataLimitations": [*result.run.notes, *missing_sentences(result, card.missing_people)],
    }
    for name, sentences in parts.items():
        if known := [sentence for sentence in sentences if sentence]:
            yield name, known
