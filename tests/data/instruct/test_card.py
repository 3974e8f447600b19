"""The card counts what is there, and the Croissant record names every file with its hash."""

from __future__ import annotations

import hashlib
import json

from affect_workbench.data.instruct.card import CardFacts, croissant, dataset_card
from affect_workbench.data.instruct.folder import write_instruct
from instruct_records import by_rules, scene_rows


def test_the_card_counts_conversations_answers_and_problems():
    records = by_rules(scene_rows(10))
    answers = sum(len(one.turns) for one in records)
    facts = CardFacts("mine", records, {"writer": "rules"}, {"empty": 2}, unwritten=1, notes=("one note",))
    card = dataset_card(facts)
    assert f"30 conversations with {answers} answers about 10 pictures." in card
    assert "| pretraining | 10 | 70 |" in card
    assert "| fine-tuning | 20 | 40 |" in card
    assert "| caption | 10 |" in card
    assert "1 answer is missing" in card
    assert "The check found: empty 2" in card
    assert "- one note" in card
    assert "The check found nothing." in dataset_card(CardFacts("mine", records, {}, {}))


def test_croissant_names_each_file_and_where_its_fields_are(tmp_path):
    records = by_rules(scene_rows(4))
    write_instruct(tmp_path, records, formats=("messages", "llava"), root=tmp_path)
    (tmp_path / "other.txt").touch()
    record = json.loads(json.dumps(croissant(CardFacts("mine", records, {"seed": "0"}, {}), tmp_path, version="1.2")))
    assert (record["@type"], record["conformsTo"]) == ("sc:Dataset", "http://mlcommons.org/croissant/1.0")
    files = {one["@id"]: one for one in record["distribution"]}
    assert set(files) == {f"{stage}{end}" for stage in ("pretraining", "fine-tuning") for end in (".jsonl", ".llava.json")}
    for name, one in files.items():
        assert one["sha256"] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert one["contentSize"] == f"{(tmp_path / name).stat().st_size} B"
    first = json.loads((tmp_path / "pretraining.jsonl").read_text().split("\n")[0])
    for records_of in record["recordSet"]:
        for field in records_of["field"]:
            assert field["source"]["fileObject"]["@id"] in files
            value = first[field["source"]["extract"]["column"]]
            assert isinstance(value, list) == field["repeated"]
