"""A label set of one's own: read from a file, mapped to others, refused in one line where it makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from affect_workbench.data.taxonomies.files import read_taxonomy, taxonomy_called
from affect_workbench.data.taxonomies.joint import JointTaxonomy, equivalent_labels
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

WHOLE = """
labels = ["wrath", "bliss", "wonder"]
polarity = { wrath = -1, bliss = 1 }
aliases = { wrathful = "wrath" }
synonyms = { wrath = ["fury"] }
maps.ekman6 = { wrath = "anger", bliss = "joy", wonder = "" }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_the_taxonomy_that_it_describes(tmp_path: Path) -> None:
    own = taxonomy_called(str(written(tmp_path, WHOLE)))
    assert own == Taxonomy(
        "own",
        ("wrath", "bliss", "wonder"),
        {"wrath": -1, "bliss": 1},
        {"wrathful": "wrath"},
        {"wrath": ("fury",)},
        {"ekman6": {"wrath": "anger", "bliss": "joy", "wonder": None}},
    )
    assert taxonomy_called("ekman6") is Taxonomy.named("ekman6")


def test_its_map_makes_twins_that_are_never_negatives(tmp_path: Path) -> None:
    own, ekman = read_taxonomy(written(tmp_path, WHOLE)), Taxonomy.named("ekman6")
    pairs = equivalent_labels(own, ekman)
    assert [(own.labels[row], ekman.labels[column]) for row, column in zip(*pairs.nonzero(), strict=True)] == [
        ("wrath", "anger"),
        ("bliss", "joy"),
    ]
    mask = JointTaxonomy((own, ekman)).not_negative
    assert mask[0, 3 + ekman.labels.index("anger")]
    assert not mask[0, 3 + ekman.labels.index("joy")]
    unmapped = read_taxonomy(written(tmp_path, WHOLE.split("maps")[0]))
    with pytest.raises(ValueError, match="have no map and no word in common"):
        JointTaxonomy((unmapped, ekman))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels = [", "is not valid TOML"),
        ('lables = ["a", "b"]', "unknown key 'lables': did you mean labels"),
        ("polarity = {}", "labels are None: expected a list of text"),
        ('labels = ["a", 3]', "expected a list of text"),
        ('labels = ["a"]', "1 label: expected at least two"),
        ('name = "ekman6"\nlabels = ["a", "b"]', "no built-in taxonomy has"),
        ('labels = ["a", "b"]\npolarity = { a = 2 }', "polarity of 'a' is 2: expected -1, 0 or 1"),
        ('labels = ["a", "b"]\npolarity = { c = 1 }', "polarity of 'c' is 1: expected"),
        ('labels = ["a", "b"]\npolarity = 1', "polarity is 1: expected a table"),
        ('labels = ["a", "b"]\naliases = { c = 1 }', "'c' stands for 1"),
        ('labels = ["a", "b"]\naliases = { c = "d" }', "has no label 'd'"),
        ('labels = ["a", "b"]\nsynonyms = { a = "c" }', "synonyms of 'a' are 'c': expected a list"),
        ('labels = ["a", "b"]\nsynonyms = { a = ["c"], b = ["c"] }', "cannot stand for both"),
        ('labels = ["a", "b"]\nmaps = { ekman6 = "joy" }', "maps.ekman6 is 'joy': expected a table"),
        ('labels = ["a", "b"]\nmaps.ekman6 = { c = "joy" }', "names 'c', which is no label of this file"),
        ('labels = ["a", "b"]\nmaps.ekman6 = { a = "joyy" }', "no label of ekman6: did you mean joy"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_file_named(text: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=message) as refusal:
        read_taxonomy(path)
    assert str(path) in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no taxonomy at .*gone\.toml"):
        taxonomy_called(str(tmp_path / "gone.toml"))
