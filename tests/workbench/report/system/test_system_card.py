"""What was stated of a system: read from a file, kept as it was, refused in one line where it makes no sense."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from affect_workbench.workbench.report.system.card import SystemCard, read_system_card

ROOT = Path(__file__).resolve().parents[4]
TEMPLATE = ROOT / "docs" / "system.toml"


def written(folder: Path, text: str) -> Path:
    path = folder / "system.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_template_has_every_key_and_can_be_given_as_it_stands() -> None:
    card = read_system_card(TEMPLATE)
    assert card.not_stated == ("medical or safety reason",)
    keys = re.findall(r"^(?:# )?(\w+) = ", TEMPLATE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert keys == [item.name for item in fields(SystemCard)]


def test_saved_and_opened_it_is_the_same_card() -> None:
    card = read_system_card(TEMPLATE)
    assert SystemCard.from_json(json.loads(json.dumps(card.as_json()))) == card
    assert SystemCard.from_json({}) == SystemCard()
    assert SystemCard().as_json() == {}


def test_what_was_left_out_is_named_and_false_is_a_statement(tmp_path: Path) -> None:
    card = read_system_card(written(tmp_path, 'name = "Frames"\nbiometric = false\nmissing_people = "children"\n'))
    assert card.missing_people == ("children",)
    assert "name" not in card.not_stated
    assert "whether it processes biometric data" not in card.not_stated
    assert card.not_stated[:3] == ("version", "provider", "contact")
    assert card.stated("people") == {"biometric": False}
    assert len(card.not_stated) == len(fields(SystemCard)) - 3


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("name = ", ValueError, "is not valid TOML"),
        ("", ValueError, "is empty: fill in at least one of name, version"),
        ('purpse = "x"', ValueError, "unknown key 'purpse': did you mean purpose"),
        ('[system]\nname = "x"', ValueError, "unknown key 'system'"),
        ("version = 2.1", TypeError, r"version = 2.1: expected text in quotes; leave the key out"),
        ('biometric = "no"', TypeError, "biometric = 'no': expected true or false"),
        ("impacts = [1]", TypeError, r"impacts = \[1\]: expected a list of text"),
        ("impacts = true", TypeError, "impacts = True: expected a list of text"),
        ('users = " "', ValueError, "users is empty: fill it in, or leave the key out"),
        ("impacts = []", ValueError, "impacts is empty"),
        ('used_at = ["school"]', ValueError, "used_at = 'school': expected 'work' or 'education' or 'elsewhere'"),
        ('labels_mean = "felt"', ValueError, "labels_mean = 'felt': expected 'evoked' or 'expressed'"),
        ('reason = "fun"', ValueError, "reason = 'fun': expected 'medical' or 'safety'"),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_file_named(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        read_system_card(written(tmp_path, text))
    assert str(caught.value).startswith(str(tmp_path))


def test_a_file_that_is_not_there_says_where_to_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"does not exist \(start from docs/system\.toml\)"):
        read_system_card(tmp_path / "none.toml")


def test_the_map_of_frameworks_names_every_key_and_only_places_that_there_are() -> None:
    text = (ROOT / "docs" / "reporting.md").read_text(encoding="utf-8")
    keys = {item.name for item in fields(SystemCard)}
    assert keys - set(re.findall(r"`(\w+)(?: = .*?)?`", text)) == set()
    shown = [*ROOT.glob("workbench/interface/templates/*.html"), *ROOT.glob("workbench/report/sections/*.py")]
    shown_text = "\n".join(path.read_text(encoding="utf-8") for path in shown)
    for place in re.findall("“(.+?)”", text):
        if place != "emotion recognition system":
            assert all(part in shown_text for part in place.split("…")), place
