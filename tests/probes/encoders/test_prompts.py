"""Concepts from files and from prompts: what is read, what is refused, and what a text tower makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from affect_workbench.data.concepts.definitions import (
    NEUTRAL,
    Concept,
    PromptPair,
    opposites_of,
    read_directions,
    read_prompt_pairs,
)
from affect_workbench.probes.encoders.prompts import TEMPLATES, prompt_concepts


def save(path, array):
    if isinstance(array, dict):
        np.savez(path, **array)
    else:
        np.save(path, array)
    return path


def test_directions_of_every_shape(tmp_path):
    pair = np.array([[3, 0, 4], [0, 2, 0]], np.float16)
    (contrast,) = read_directions(save(tmp_path / "night.npy", pair), width=3)
    np.testing.assert_allclose(contrast.direction, [0.6, -1, 0.8], atol=1e-3)
    assert (contrast.name, contrast.kind, contrast.offset, contrast.width) == ("night", "vector", 0.0, 3)
    (single,) = read_directions(save(tmp_path / "one.npy", np.array([1.0, 2, 3])))
    np.testing.assert_array_equal(single.direction, [1, 2, 3])
    heads = read_directions(save(tmp_path / "h.npz", {"a_w": np.ones(3), "a_b": np.array([2.5]), "b_w": np.arange(3)}))
    assert [(head.name, head.offset) for head in heads] == [("a", 2.5), ("b", 0.0)]


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("wide.npy", np.ones((2, 5)) + np.eye(2, 5), "'wide' is 5 wide, the features are 3"),
        ("many.npy", np.ones((4, 3)), r"has shape \(4, 3\): expected \(2, width\)"),
        ("cube.npy", np.ones((2, 3, 1)), r"has shape \(2, 3, 1\)"),
        ("nan.npy", np.array([1.0, np.nan, 0]), "'nan' holds NaN or infinite numbers"),
        ("zero.npy", np.zeros(3), "'zero' has the zero vector for a direction"),
        ("half.npy", np.array([[1.0, 0, 0], [0, 0, 0]]), "zero vector for its opposite side"),
        ("same.npy", np.ones((2, 3)), "positive and opposite must differ"),
        ("text.npy", np.array(["a", "b"]), "expected numbers"),
        (
            "object.npy",
            np.array([{}, None], object),
            r"object\.npy is not a readable \.npy array \(it holds pickled objects",
        ),
        ("keys.npz", {"weights": np.ones(3)}, "holds 'weights': expected <name>_w"),
        ("lone.npz", {"a_w": np.ones(3), "c_b": np.ones(1)}, "holds 'a_w', 'c_b': expected"),
        ("shape.npz", {"a_w": np.ones((2, 3))}, r"'a' has a direction of shape \(2, 3\): expected \(width,\)"),
        ("offset.npz", {"a_w": np.ones(3), "a_b": np.ones(2)}, r"a_b has shape \(2,\): expected one number"),
    ],
)
def test_directions_refused(tmp_path, name, array, message):
    path = tmp_path / name
    if name == "object.npy":
        np.save(path, array, allow_pickle=True)
    else:
        save(path, array)
    with pytest.raises(ValueError, match=message):
        read_directions(path, width=3)


def test_files_that_are_no_arrays(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no directions at .*absent.npy"):
        read_directions(tmp_path / "absent.npy")
    (tmp_path / "a.pt").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"no file of directions: expected .npy or .npz"):
        read_directions(tmp_path / "a.pt")
    for name, content in (("a.npy", b"not an array"), ("b.npz", b"PK\x03\x04 broken"), ("c.npy", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name} is not (a )?readable {name[1:]} array"):
            read_directions(tmp_path / name)


def test_prompts_from_tables_and_lines(tmp_path):
    (tmp_path / "p.csv").write_text(
        "name,prompt,opposite,truth\nnight,photo taken at night,photo taken by day,time=night\n,a dog in the picture,,\n"
    )
    night, dog = read_prompt_pairs(tmp_path / "p.csv")
    assert night == PromptPair("night", "photo taken at night", ("photo taken by day",), "time=night")
    assert (dog.name, dog.truth) == ("a dog in the picture", None)
    assert dog.opposites == (*NEUTRAL, "no dog in the picture")
    (tmp_path / "p.tsv").write_text("prompt\topposite\nsnow, ice\tsand\n")
    assert read_prompt_pairs(tmp_path / "p.tsv") == [PromptPair("snow, ice", "snow, ice", ("sand",))]
    (tmp_path / "p.txt").write_text("\ufeff# comment\n\nat night | by day | at noon\na blurred photo\n", encoding="utf-8")
    first, second = read_prompt_pairs(tmp_path / "p.txt")
    assert first.opposites == ("by day", "at noon")
    assert second.opposites == NEUTRAL == opposites_of("a blurred photo")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.json", "[]", r"no file of prompts: expected .csv, .tsv or .txt"),
        ("p.csv", "", "cannot be read as prompts"),
        ("p.csv", "prompt\n", "has no prompts"),
        ("p.txt", "# nothing\n", "has no prompts"),
        ("p.csv", "text\nnight\n", "has the columns text: expected prompt"),
        ("p.csv", "prompt,colour\nnight,red\n", "has the columns prompt, colour: expected"),
        ("p.csv", "name,prompt\na,night\nb,\n", "row 2 has an empty prompt"),
        ("p.txt", "night |\n", "line 1 is 'night |': expected"),
        ("p.txt", "night\nnight\n", r"1 concept occurs more than once, first 'night'"),
        ("p.txt", "night | night\n", "'night' is its own opposite"),
    ],
)
def test_prompts_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_prompt_pairs(tmp_path / name)


def test_prompts_that_are_not_there_or_not_text(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no prompts at .*absent.csv"):
        read_prompt_pairs(tmp_path / "absent.csv")
    (tmp_path / "p.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="cannot be read as prompts"):
        read_prompt_pairs(tmp_path / "p.txt")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Concept(" ", np.ones(3)), "a concept has no name"),
        (lambda: Concept("a", np.ones(3), kind="guess"), "is of kind 'guess': expected prompt or vector"),
        (lambda: Concept("a", np.ones(3), offset=np.nan), "'a' holds NaN or infinite numbers"),
        (lambda: PromptPair("a", "", ("b",)), "empty name, text or opposite"),
        (lambda: PromptPair("a", "b", ()), "empty name, text or opposite"),
    ],
)
def test_concepts_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


class TextTower:
    """Words of its own along an axis each, a template's wording along others, any length: what averaging must undo."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, texts):
        self.calls += 1
        rng = np.random.default_rng(0)
        vectors = 0.3 * rng.standard_normal((len(texts), 16))
        for row, text in enumerate(texts):
            vectors[row, 0] += 4 * ("night" in text)
            vectors[row, 1] += 4 * ("day" in text)
            vectors[row, 2] += 2
        return (vectors * rng.uniform(1, 50, (len(texts), 1))).astype(np.float32)


def test_prompt_concepts_point_from_opposite_to_prompt():
    tower = TextTower()
    pairs = [PromptPair("night", "at night {x}", ("by day",), "time"), PromptPair.of("some day")]
    night, day = prompt_concepts(pairs, tower)
    assert tower.calls == 1
    assert (night.name, night.kind, night.prompts) == ("night", "prompt", ("at night {x}", "by day"))
    assert day.prompts == ("some day", "; ".join(NEUTRAL))
    ideal = np.zeros(16)
    ideal[:2] = 1, -1
    assert night.direction @ ideal / np.linalg.norm(night.direction) / np.sqrt(2) > 0.97
    assert day.direction[1] > 0.5 > abs(day.direction[0])


def test_prompt_concepts_by_hand():
    """Two templates, one opposite: the difference of unit means of unit vectors."""
    table = {"a": [2.0, 0, 0], "a!": [0, 5.0, 0], "b": [0, 0, 1.0], "b!": [0, 0, 9.0]}
    (concept,) = prompt_concepts(
        [PromptPair("x", "a", ("b",))], lambda texts: np.array([table[t] for t in texts]), templates=["{}", "{}!"]
    )
    np.testing.assert_allclose(concept.direction, [np.sqrt(0.5), np.sqrt(0.5), -1])


def test_templates_are_many_and_distinct():
    assert len(set(TEMPLATES)) == len(TEMPLATES) >= 8


PAIR = [PromptPair("x", "a", ("b",))]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prompt_concepts([], TextTower()), "no prompts were given"),
        (lambda: prompt_concepts(PAIR, TextTower(), templates=["a photo"]), r"expected at least one, each with \{\}"),
        (lambda: prompt_concepts(PAIR * 2, TextTower()), r"prompts: 1 concept occurs more than once, first 'x'"),
        (
            lambda: prompt_concepts(PAIR, lambda texts: np.ones(len(texts))),
            r"returned shape \(20,\): expected \(20, width\)",
        ),
        (lambda: prompt_concepts(PAIR, lambda texts: np.zeros((len(texts), 3))), "returned zero, NaN or infinite"),
        (lambda: prompt_concepts(PAIR, lambda texts: np.ones((len(texts), 3))), "have the same text vector"),
    ],
)
def test_prompt_concepts_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
