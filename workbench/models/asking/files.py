"""What is in a folder that `workbench ask` wrote, and is this one?"""

from __future__ import annotations

from pathlib import Path

from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import require_complete
from affect_workbench.data.storage.saved import Record, read_record

ASK_FILE = "ask.json"
PREDICTIONS_FILE = "predictions.parquet"
UNANSWERED_FILE = "unanswered.csv"
SCHEMA = 1
_AGAIN = "ask the model again"


def is_asked(folder: Path) -> bool:
    """Whether `workbench ask` wrote the folder."""
    return (folder / ASK_FILE).is_file()


def require_predictions(folder: Path) -> Path:
    """The table of predictions in such a folder.

    Raises:
        FileNotFoundError, ValueError: the folder is not whole, or no answer names a label.
    """
    require_complete(folder, what="folder of answers")
    if not (folder / PREDICTIONS_FILE).is_file():
        raise ValueError(f"{folder} holds answers and no predictions: none of the answers names a label")
    return folder / PREDICTIONS_FILE


def asked_record(folder: Path) -> Record:
    """What `ask.json` says of the folder: model, prompts, parser, counts.

    Raises:
        FileNotFoundError, ValueError: it is missing, damaged, or of another schema.
    """
    return read_record(folder / ASK_FILE, schema=SCHEMA, otherwise=_AGAIN)


def asked_notes(folder: Path) -> tuple[str, ...]:
    """What an audit of the predictions must warn of: pictures without one, and answers that name no label."""
    record = asked_record(folder)
    told = []
    left = record.whole("pictures") - record.whole("predicted")
    if left:
        told.append(f"{plural(left, 'picture')} without an answer that names a label: not audited, see {UNANSWERED_FILE}")
    other: dict[str, int] = {}
    for method in ("scored", "generated"):
        counts = record.record("kinds").record(method)
        for kind in ("refusal", "hedge", "unparseable"):
            other[kind] = other.get(kind, 0) + counts.whole(kind)
    if any(other.values()):
        told.append("answers that name no label: " + ", ".join(f"{n:,} {kind}" for kind, n in other.items() if n))
    return tuple(told)


def asked_provenance(folder: Path) -> dict[str, object]:
    """What a run made of these predictions keeps of them: the model, and hashes of prompts and parser."""
    record = asked_record(folder)
    model = record.text("answers_as" if record.known("answers_as") else "fingerprint")
    parser = record.whole("parser_version")
    prompts = ", ".join(record.record("prompts").values)
    return {
        "asked_model": f"{record.text('model')} ({model})",
        "asked_prompts": f"{prompts} ({record.text('prompts_fingerprint')}), parser {parser}",
        "remarks": [
            f"The page Model of the app (workbench app {folder}) shows picture by picture what the model answered, prompt "
            "by prompt."
        ],
    }
