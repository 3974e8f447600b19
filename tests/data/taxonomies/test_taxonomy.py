"""Are labels spelt, mapped and coded as written down, and are wrong ones refused with a hint?"""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_workbench.data.taxonomies.taxonomy import TAXONOMIES, Taxonomy, closest

BUILT_IN = sorted(TAXONOMIES)


def test_the_built_in_sets_have_their_published_sizes_and_order() -> None:
    assert {name: len(taxonomy) for name, taxonomy in TAXONOMIES.items()} == {
        "ekman6": 6,
        "fer7": 7,
        "affectnet8": 8,
        "mikels8": 8,
        "parrott6": 6,
        "webemo25": 25,
        "polarity": 2,
    }
    assert TAXONOMIES["ekman6"].labels == ("anger", "disgust", "fear", "joy", "sadness", "surprise")
    for taxonomy in TAXONOMIES.values():
        assert set(taxonomy.polarity) == set(taxonomy.labels)


def test_webemo_rolls_up_as_parrott_wrote_it() -> None:
    groups = Counter(TAXONOMIES["webemo25"].to(TAXONOMIES["parrott6"]).values())
    assert groups == {"love": 3, "joy": 7, "surprise": 1, "anger": 5, "sadness": 6, "fear": 2, None: 1}
    signs = Counter(TAXONOMIES["webemo25"].to(TAXONOMIES["polarity"]).values())
    assert signs == {"positive": 11, "negative": 14}


@pytest.mark.parametrize("source", BUILT_IN)
@pytest.mark.parametrize("target", BUILT_IN)
def test_every_map_lands_on_legal_labels_and_never_turns_the_polarity(source: str, target: str) -> None:
    here, there = TAXONOMIES[source], TAXONOMIES[target]
    mapped = here.to(there)
    assert tuple(mapped) == here.labels
    for label, image in mapped.items():
        assert image is None or image in there.labels
        assert image is None or here.polarity[label] * there.polarity[image] >= 0
    if source == target:
        assert all(label == image for label, image in mapped.items())


@pytest.mark.parametrize(
    ("taxonomy", "spelling", "label"),
    [
        ("webemo25", "cheerfullness", "cheerfulness"),
        ("webemo25", "irritabilty", "irritability"),
        ("mikels8", " Content ", "contentment"),
        ("mikels8", "Sad", "sadness"),
        ("ekman6", "HAPPINESS", "joy"),
    ],
)
def test_spellings_found_on_disk_resolve(taxonomy: str, spelling: str, label: str) -> None:
    assert Taxonomy.named(taxonomy).resolve(spelling) == label


def test_labels_of_any_case_resolve_and_the_exact_spelling_wins() -> None:
    custom = Taxonomy("custom", ("Joy", "joy", "Something Else"))
    assert (custom.resolve("Joy"), custom.resolve("joy"), custom.resolve("something else")) == (
        "Joy",
        "joy",
        "Something Else",
    )


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_word_stands_for_two_labels(name: str) -> None:
    taxonomy = TAXONOMIES[name]
    words = [*taxonomy.labels, *taxonomy.aliases, *(word for words in taxonomy.synonyms.values() for word in words)]
    assert len(words) == len(set(words))


@given(st.data())
def test_codes_are_the_positions_of_resolved_names_and_missing_is_minus_one(data: st.DataObject) -> None:
    taxonomy = TAXONOMIES[data.draw(st.sampled_from(BUILT_IN))]
    spellings = st.sampled_from([*taxonomy.labels, *taxonomy.aliases, *map(str.upper, taxonomy.labels)])
    names = data.draw(st.lists(st.one_of(st.none(), st.just(np.nan), spellings), max_size=30))
    expected = [taxonomy.labels.index(taxonomy.resolve(name)) if isinstance(name, str) else -1 for name in names]
    assert taxonomy.codes(names).tolist() == expected


@given(st.sampled_from(BUILT_IN), st.randoms(use_true_random=False))
def test_a_built_in_set_is_recognised_in_any_order_and_under_aliases(name: str, random) -> None:
    known = TAXONOMIES[name]
    other = {label: alias for alias, label in known.aliases.items()}
    labels = [random.choice([label, other.get(label, label)]) for label in random.sample(known.labels, len(known))]
    assert Taxonomy.from_labels(labels) is known


def test_unknown_labels_make_a_custom_set_in_their_order_with_borrowed_polarity() -> None:
    custom = Taxonomy.from_labels(["joy", "zen", "anger", "joy"])
    assert (custom.name, custom.labels, dict(custom.polarity)) == (
        "custom",
        ("joy", "zen", "anger"),
        {"joy": 1, "anger": -1},
    )


def test_spellings_that_differ_in_case_or_blanks_are_one_label() -> None:
    assert Taxonomy.from_labels(["Zen", "zen ", "joy"]).labels == ("Zen", "joy")


@pytest.mark.parametrize("taxonomy", [*TAXONOMIES.values(), Taxonomy("mine", ("b", "a"), polarity={"a": -1})])
def test_json_round_trip(taxonomy: Taxonomy) -> None:
    again = Taxonomy.from_json(json.loads(json.dumps(taxonomy.as_json())))
    assert (again.name, again.labels, dict(again.polarity)) == (taxonomy.name, taxonomy.labels, dict(taxonomy.polarity))
    assert (again is taxonomy) == (taxonomy.name in TAXONOMIES)


def test_hints_name_the_nearest_labels_or_else_all_of_them() -> None:
    assert closest("angr", ("anger", "fear")) == "did you mean anger?"
    assert closest("zzz", ("anger", "fear")) == "legal: anger, fear"


def test_wrong_labels_and_names_are_refused_with_a_hint() -> None:
    ekman = Taxonomy.named("ekman6")
    with pytest.raises(ValueError, match=r"label 'hapiness' is not in taxonomy 'ekman6'"):
        ekman.resolve("hapiness")
    with pytest.raises(ValueError, match=r"2 labels are not in taxonomy 'ekman6', first 'angre': did you mean anger\?"):
        ekman.codes(["joy", "angre", "lust", "angre"])
    with pytest.raises(ValueError, match=r"unknown taxonomy 'ekman': did you mean ekman6\?"):
        Taxonomy.named("ekman")


def test_malformed_taxonomies_are_refused() -> None:
    with pytest.raises(ValueError, match=r"has 1 label: expected at least two"):
        Taxonomy("x", ("a",))
    with pytest.raises(ValueError, match=r"repeats 'a'"):
        Taxonomy("x", ("a", "b", "a"))
    with pytest.raises(ValueError, match=r"'c' cannot stand for both 'a' and 'b'"):
        Taxonomy("x", ("a", "b"), aliases={"c": "a"}, synonyms={"b": ("c",)})


def test_an_alias_of_an_unknown_label_is_refused_by_that_label() -> None:
    with pytest.raises(ValueError, match="taxonomy 'x' has no label 'z' for 'c' to stand for"):
        Taxonomy("x", ("a", "b"), aliases={"c": "z"})


def test_an_empty_label_is_refused() -> None:
    with pytest.raises(ValueError, match="taxonomy 'x' has an empty label"):
        Taxonomy("x", ("", "joy"))


def test_neutral_and_contempt_are_known_and_the_sets_that_have_them_recognised():
    fer = Taxonomy.from_labels(["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"])
    assert (fer.name, dict(fer.polarity)) == (
        "fer7",
        {"anger": -1, "disgust": -1, "fear": -1, "joy": 1, "sadness": -1, "surprise": 0, "neutral": 0},
    )
    words = ["Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger", "Contempt"]
    assert Taxonomy.from_labels(words) is TAXONOMIES["affectnet8"]
    assert TAXONOMIES["affectnet8"].polarity["contempt"] == -1
    assert TAXONOMIES["fer7"].to(TAXONOMIES["ekman6"])["neutral"] is None


@given(
    st.sets(
        st.sampled_from(["joy", "happy", "surprise", "surprised", "neutral", "confusion", "love", "zen", "x"]), min_size=2
    )
)
def test_a_word_has_one_polarity_in_every_set_of_ones_own(words):
    expected = {"joy": 1, "happy": 1, "surprise": 0, "surprised": 0, "neutral": 0, "confusion": -1, "love": 1}
    found = Taxonomy.from_labels(words)
    assert found.name == "custom"
    assert dict(found.polarity) == {word: expected[word] for word in found.labels if word in expected}


def test_only_surprise_differs_in_polarity_between_the_named_sets():
    signs: dict[str, set[int]] = {}
    for taxonomy in TAXONOMIES.values():
        for label, sign in taxonomy.polarity.items():
            signs.setdefault(label, set()).add(sign)
    assert {label for label, found in signs.items() if len(found) > 1} == {"surprise"}


def test_a_set_in_somebodys_spelling_keeps_order_polarity_and_maps():
    own = TAXONOMIES["mikels8"].spelt(["Content", "Sad", "AWE"])
    assert own.labels == ("amusement", "AWE", "Content", "excitement", "anger", "disgust", "fear", "Sad")
    assert own.polarity["Sad"] == -1
    assert own.to(TAXONOMIES["ekman6"]) == {
        "amusement": "joy",
        "AWE": None,
        "Content": "joy",
        "excitement": "joy",
        "anger": "anger",
        "disgust": "disgust",
        "fear": "fear",
        "Sad": "sadness",
    }
    assert TAXONOMIES["webemo25"].to(own)["contentment"] == "Content"
    assert [own.resolve(word) for word in ("sadness", "contentment", "awe", "Content!")] == [
        "Sad",
        "Content",
        "AWE",
        "Content",
    ]
    again = Taxonomy.from_json(json.loads(json.dumps(own.as_json())))
    assert again == own
    assert TAXONOMIES["mikels8"].spelt(["awe"]) is TAXONOMIES["mikels8"]
    with pytest.raises(ValueError, match="'sad' and 'Sadness' are one label of taxonomy 'mikels8'"):
        TAXONOMIES["mikels8"].spelt(["sad", "Sadness"])


def test_a_label_set_of_ones_own_understands_what_its_labels_are_called_elsewhere():
    own = Taxonomy("own", ("happy", "something_else", "3"))
    assert own.codes(["joy", "Happiness.", "Something Else", 3.0, "3", None]).tolist() == [0, 0, 1, 2, 2, -1]
    apart = Taxonomy("own", ("joy", "happiness"))
    assert (apart.resolve("Joy"), apart.resolve("Happiness"), apart.knows("happy")) == ("joy", "happiness", False)
