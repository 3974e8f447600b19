"""Which evaluation tool wrote a file? Told from its name and its beginning, without pandas."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

from affect_workbench.data.answers.text_files import LINES, PICTURE_COLUMNS, TEXT_COLUMNS
from affect_workbench.data.tables.headers import column_names, is_table
from affect_workbench.data.tables.spreadsheet import SHEET_SUFFIXES, require_reader, sheet_names

LMMS_EVAL, VLMEVALKIT, INSPECT, EEE = "lmms-eval", "VLMEvalKit", "Inspect", "Every Eval Ever"
OPENAI_BATCH, LLAVA, TEXTS = "OpenAI batch", "LLaVA", "texts"
KINDS: Mapping[str, str] = {
    LMMS_EVAL: "samples of lmms-eval (*_samples_*.jsonl)",
    VLMEVALKIT: "predictions of VLMEvalKit (XLSX, TSV, CSV or JSON)",
    INSPECT: "a log of Inspect (.eval, or its JSON form)",
    EEE: "samples in the schema of Every Eval Ever (*_samples.jsonl, or the JSON file beside them)",
    OPENAI_BATCH: "the output file of OpenAI's batches",
    LLAVA: "answers as LLaVA writes them (question_id, text)",
    TEXTS: "a table of texts, one or many a picture",
}
"""Kinds of logs that are read -> what they are."""
_PREDICTED = ("predicted", "y_pred", "prediction", "predictions", "pred", "predicted_label", "y_hat", "dominant_emotion")
"""What tables call their predicted labels: such a table is one of predictions, whatever texts stand in it."""
_BEGINNING = 1 << 20
_INSPECT = re.compile(r'\s*\{\s*"version"\s*:\s*\d.*"eval"\s*:\s*\{', re.DOTALL)
_EEE = re.compile(r'\s*\{.*"schema_version"\s*:.*"evaluation_results"\s*:', re.DOTALL)


def log_kind(path: Path) -> str | None:
    """Which of `KINDS` a file is; None for any other file, and for one that cannot be looked into."""
    path = Path(path)
    suffix = path.suffix.lower()
    if not path.is_file():
        return None
    try:
        if suffix == ".eval":
            return INSPECT if zipfile.is_zipfile(path) else None
        if suffix in LINES:
            return _of_line(_first_object(path))
        if suffix == ".json":
            with path.open(encoding="utf-8-sig", errors="replace") as file:
                return _of_json(file.read(_BEGINNING))
        if suffix in SHEET_SUFFIXES:
            return _of_columns(sheet_names(path) or ())
        return _of_columns(column_names(path) or ()) if is_table(path) else None
    except (OSError, ValueError):
        return None


def is_log(path: Path) -> bool:
    """Whether a file is of one of `KINDS`.

    Raises:
        ValueError: it is an Excel workbook, and nothing is installed that reads one.
    """
    if path.suffix.lower() in SHEET_SUFFIXES and path.is_file():
        require_reader(path)
    return log_kind(path) is not None


def other_form(path: Path) -> str:
    """What to give in place of a file that a tool writes beside its log, or that is never opened; "" for any other."""
    name = path.name.lower()
    if name.endswith((".pkl", ".pickle", ".npz")):
        return f"{path} may hold pickled objects, which can run code when they are opened: save it as CSV or JSON lines"
    if name.endswith("_results.json"):
        return (
            f"{path} holds results of whole tasks: give the samples beside it (lmms-eval: *_samples_*.jsonl, --log_samples)"
        )
    if name in ("stats.json", "per_instance_stats.json", "scenario_state.json", "run_spec.json"):
        return f"{path} is a part of a run of HELM, which is not read: give a table with image_id, text and label"
    return ""


def _first_object(path: Path) -> Mapping[str, object]:
    """The first JSON object that a line of the file's beginning holds."""
    with path.open("rb") as file:
        for line in file:
            try:
                found = json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError):
                found = None
            if isinstance(found, dict):
                return found
            if file.tell() > 4 * _BEGINNING:
                break
    return {}


def _of_line(record: Mapping[str, object]) -> str | None:
    if {"doc_id", "filtered_resps"} <= record.keys():
        return LMMS_EVAL
    if "custom_id" in record and ("response" in record or "error" in record):
        return OPENAI_BATCH
    if {"schema_version", "evaluation_id", "sample_id"} <= record.keys():
        return EEE
    if {"question_id", "text"} <= record.keys():
        return LLAVA
    return _of_columns(record.keys())


def _of_json(text: str) -> str | None:
    if _INSPECT.match(text):
        return INSPECT
    if _EEE.match(text):
        return EEE
    begun = re.match(r"\s*\[\s*(?=\{)", text)
    if begun is None:
        return None
    found, _ = json.JSONDecoder().raw_decode(text, begun.end())
    return VLMEVALKIT if _of_columns(found) == VLMEVALKIT else None


def _of_columns(names: Collection[str]) -> str | None:
    lower = {name.strip().lower() for name in names}
    if {"index", "prediction"} <= lower and ("question" in lower or {"a", "b"} <= lower):
        return VLMEVALKIT
    predicted = not lower.isdisjoint(_PREDICTED) or any(name.startswith("score_") for name in lower)
    has_texts = any(name in names for name in TEXT_COLUMNS) and any(name in names for name in PICTURE_COLUMNS)
    return TEXTS if has_texts and not predicted else None
