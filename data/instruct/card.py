"""What must a reader know of instruct data before training on it? `DATASET.md` for people, Croissant for machines.

Croissant 1.0 is JSON-LD (https://docs.mlcommons.org/croissant/docs/croissant-spec.html): files with their hashes, and which
field of a record lies where in them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affect_workbench.data.instruct.records import STAGES, InstructRecord
from affect_workbench.data.plurals import plural

_KINDS_OF_FILES = {".jsonl": "application/jsonlines", ".json": "application/json"}
_COLUMNS = {
    "id": "the conversation",
    "image_id": "the picture",
    "images": "paths of the pictures",
    "kind": "described, given or open",
    "label": "the emotion that people named",
}
_LISTS = ("images",)
"""Keys of a line that a record set has as fields; the messages are lists of lists, for which Croissant 1.0 has no type."""


@dataclass(frozen=True)
class CardFacts:
    """What the card says.

    Attributes:
        name: of the data set.
        records: the conversations.
        source: what was asked about which pictures, by whom; label -> text.
        problems: kind -> how many the check found.
        unwritten: turns that nothing was written for.
        notes: sentences about decisions.
    """

    name: str
    records: Sequence[InstructRecord]
    source: Mapping[str, str]
    problems: Mapping[str, int]
    unwritten: int = 0
    notes: Sequence[str] = ()


def dataset_card(facts: CardFacts) -> str:
    """The text of `DATASET.md`."""
    return "\n".join(_card(facts)) + "\n"


def _card(facts: CardFacts) -> Iterator[str]:
    turns = [turn for record in facts.records for turn in record.turns]
    pictures = len({record.image_id for record in facts.records})
    yield from (f"# {facts.name}", "", "Questions and answers about pictures, to train a multimodal LLM to name and explain")
    yield from ("emotions. The answers are not the words of people who saw the pictures.", "", "## What is in it", "")
    conversations = plural(len(facts.records), "conversation")
    yield f"{conversations} with {plural(len(turns), 'answer')} about {plural(pictures, 'picture')}."
    yield from ("", "| stage | conversations | answers |", "|---|---|---|")
    for stage in STAGES:
        some = [record for record in facts.records if record.stage == stage]
        yield f"| {stage} | {len(some):,} | {sum(len(record.turns) for record in some):,} |"
    yield from ("", "| task | answers | words an answer |", "|---|---|---|")
    for task, count in Counter(turn.task for turn in turns).items():
        words = [len(turn.answer.split()) for turn in turns if turn.task == task]
        yield f"| {task} | {count:,} | {sum(words) / count:.1f} |"
    labels = Counter(record.label for record in {one.image_id: one for one in facts.records}.values() if record.label)
    if labels:
        yield from (
            "",
            "Pictures by label: " + ", ".join(f"{label} {count:,}" for label, count in labels.most_common()) + ".",
        )
    yield from ("", "## Where it comes from", "")
    yield from (f"- {what}: {text}" for what, text in facts.source.items())
    yield from (f"- {note}" for note in facts.notes)
    yield from ("", "## What is wrong with it", "")
    if facts.unwritten:
        yield f"{plural(facts.unwritten, 'answer is', 'answers are')} missing: see `unwritten.csv`."
    listed = ", ".join(f"{kind} {count:,}" for kind, count in facts.problems.items())
    yield f"The check found: {listed}; see `problems.csv`." if listed else "The check found nothing."
    yield from ("", "The check reads words, not pictures: it finds what contradicts the attributes and labels it was given.")
    yield from ("Run `workbench instruct audit` before training: which emotions and words go with which attribute.", "")
    yield from ("## Terms", "", "The pictures keep the terms of the data set that they come from; state yours here.")


def croissant(facts: CardFacts, folder: Path, *, version: str) -> dict[str, Any]:
    """The JSON-LD of the files of conversations that lie in `folder`.

    Args:
        facts: what the card says.
        folder: where the files are, to be hashed.
        version: of the workbench that wrote them.
    """
    files = [path for path in sorted(folder.iterdir()) if _holds_conversations(path)]
    return {
        "@context": _context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": facts.name,
        "description": "Questions and answers about pictures, to train a multimodal LLM to name and explain emotions, "
        f"put together by the Affect Workbench {version}. "
        + "; ".join(f"{what}: {text}" for what, text in facts.source.items()),
        "distribution": [_file(path) for path in files],
        "recordSet": [_record_set(path) for path in files if path.suffix == ".jsonl"],
    }


def _holds_conversations(path: Path) -> bool:
    return any(path.name.startswith(stage) for stage in STAGES) and path.suffix in _KINDS_OF_FILES


def _file(path: Path) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _KINDS_OF_FILES[path.suffix],
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _record_set(path: Path) -> dict[str, Any]:
    stage = path.stem
    return {
        "@type": "cr:RecordSet",
        "@id": stage,
        "name": stage,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{stage}/{name}",
                "name": f"{stage}/{name}",
                "description": text,
                "dataType": "sc:Text",
                "repeated": name in _LISTS,
                "source": {"fileObject": {"@id": path.name}, "extract": {"column": name}},
            }
            for name, text in _COLUMNS.items()
        ],
    }


def _context() -> dict[str, Any]:
    """The context that the specification prescribes."""
    terms = "citeAs column equivalentProperty extract field fileObject fileProperty fileSet format includes isLiveDataset "
    terms += "jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate separator source "
    terms += "subField transform"
    own: dict[str, Any] = {name: f"cr:{name}" for name in terms.split()}
    own["data"] = {"@id": "cr:data", "@type": "@json"}
    own["dataType"] = {"@id": "cr:dataType", "@type": "@vocab"}
    own["examples"] = {"@id": "cr:examples", "@type": "@json"}
    prefixes = {
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "sc": "https://schema.org/",
    }
    return {"@language": "en", "@vocab": "https://schema.org/", "conformsTo": "dct:conformsTo"} | own | prefixes
