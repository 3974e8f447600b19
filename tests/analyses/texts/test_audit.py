"""Is a planted textual bias found, is its twin quiet, do groups count, and words of the attribute itself not?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.disparities.numbers import numeric_table
from affect_workbench.analyses.inference.multiplicity import select
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.texts.audit import TEXTS_TABLE, WORDS_TABLE, run_text_audit
from affect_workbench.analyses.texts.lexicon import Lexicon
from affect_workbench.analyses.texts.measures import DOUBT, LENGTH, REFUSAL, TEXT_PREFIX, VALENCE
from affect_workbench.data.answers.texts import Texts
from sliced_pictures import sliced_rows

QUICK = AuditConfig(draws=99)
SAD = f"{TEXT_PREFIX}sadness"


def planted(
    n: int = 500, *, gap: float = 0.0, refused: float = 0.0, per_picture: int = 2, seed: int = 0
) -> tuple[Texts, pd.DataFrame]:
    """Texts of which dark pictures get `gap` more gloomy ones, and pictures of the park `refused` more refusals."""
    rng = np.random.default_rng(seed)
    tone, place = rng.choice(["dark", "light"], n), rng.choice(["park", "street", "home"], n)
    rows = pd.DataFrame({"image_id": [f"p{at}" for at in range(n)], "tone": tone, "place": place})
    records = []
    for at in np.repeat(np.arange(n), per_picture):
        word = "gloomy" if rng.random() < 0.2 + gap * (tone[at] == "dark") else rng.choice(["cheerful", "calm", "scary"])
        text = f"A {tone[at]} figure at the {place[at]}{' today' * rng.integers(3)}. It looks {word}."
        if rng.random() < 0.05 + refused * (place[at] == "park"):
            text = "I'm sorry, I can't help with that."
        records.append((f"p{at}", text))
    return Texts.from_frame(pd.DataFrame(records, columns=["image_id", "text"]), source="texts.csv"), rows


def row_of(result, slice_: str, outcome: str):
    outcomes = result.outcomes
    return outcomes[(outcomes["slice"] == slice_) & (outcomes["outcome"] == outcome)].iloc[0]


def test_a_planted_bias_is_found_with_its_size_and_nothing_else() -> None:
    result = run_text_audit(*planted(gap=0.3, refused=0.2), QUICK)
    found = result.outcomes[(result.outcomes["verdict"] == "skewed") & result.outcomes["explained_by"].isna()]
    assert set(result.outcomes.head(4)["outcome"]) == {SAD, REFUSAL}
    row = row_of(result, "tone: dark", SAD)
    assert row.verdict == "skewed"
    assert row.low < 0.3 < row.high
    assert row.tolerance == QUICK.tolerance
    assert row_of(result, "place: park", REFUSAL).verdict == "skewed"
    assert row_of(result, "tone: dark", VALENCE).effect < 0
    single = found[found["where"].map(len) == 1]
    assert set(single[single["slice"].str.startswith("place")]["outcome"]) == {REFUSAL}
    assert row_of(result, "tone: dark", LENGTH).verdict != "skewed"
    assert len(result.tables[TEXTS_TABLE]) == 1_000
    assert not result.has_predictions


def test_the_unbiased_twin_stays_quiet() -> None:
    alarms = [run_text_audit(*planted(200, seed=seed), QUICK).count("skewed") > 0 for seed in range(12)]
    assert sum(alarms) <= 2


def test_a_share_is_judged_as_a_number_a_picture_and_all_outcomes_share_one_rate() -> None:
    texts, rows = planted(gap=0.3)
    result = run_text_audit(texts, rows, AuditConfig(draws=99, order=1))
    says = texts.rows["text"].str.contains("gloomy").groupby(texts.rows["image_id"], sort=False)
    refuses = texts.rows["text"].str.contains("sorry").groupby(texts.rows["image_id"], sort=False)
    share = (says.sum() / (2 - refuses.sum())).reindex(rows["image_id"]).to_numpy()
    data = sliced_rows([coded_attribute(rows["tone"]), coded_attribute(rows["place"])])
    alone = numeric_table(share, data, rules=result.run.config.rules, sampling=QUICK.sampling, tolerance=0.02)
    ours = result.tables[f"outcome {SAD}"]
    same = ["slice", "n", "mean", "complement_mean", "effect", "low", "high", "p"]
    pd.testing.assert_frame_equal(ours[same], alone[same])
    names = result.run.config.outcomes
    p = np.stack([result.tables[f"outcome {name}"]["p"].to_numpy() for name in names], axis=1)
    selection = select(p, np.zeros(len(p), dtype=np.int64), alpha=0.05)
    np.testing.assert_allclose(ours["q"], selection.q[:, names.index(SAD)])
    assert (ours["q"] >= alone["q"] - 1e-12).all()


def test_texts_of_one_person_count_as_their_group() -> None:
    rng = np.random.default_rng(0)
    persons = 60
    gloomy = rng.random(persons) < 0.5  # each person is described alike ten times
    records = [
        (f"{person}-{shot}", "gloomy" if gloomy[person] else "calm") for person in range(persons) for shot in range(10)
    ]
    texts = Texts.from_frame(pd.DataFrame(records, columns=["image_id", "text"]))
    of = np.array([int(name.split("-")[0]) for name, _ in records])
    rows = pd.DataFrame({"image_id": [name for name, _ in records], "sex": np.where(of % 2, "f", "m")})
    alone = row_of(run_text_audit(texts, rows, QUICK), "sex: f", SAD)
    grouped = row_of(run_text_audit(texts, rows.assign(group_id=of), QUICK), "sex: f", SAD)
    assert grouped.effect == pytest.approx(alone.effect)
    assert grouped.high - grouped.low == pytest.approx(np.sqrt(10) * (alone.high - alone.low), rel=0.1)
    assert grouped.design_effect == pytest.approx(10, rel=0.15)


def test_many_texts_about_a_picture_count_as_one() -> None:
    texts, rows = planted(300, gap=0.2, per_picture=1)
    thrice = Texts.from_frame(pd.concat([texts.rows] * 3))
    one, three = (row_of(run_text_audit(given, rows, QUICK), "tone: dark", SAD) for given in (texts, thrice))
    assert (one.low, one.high, one.n) == pytest.approx((three.low, three.high, three.n))


def test_words_of_the_attribute_itself_do_not_count_in_its_slices_and_both_figures_are_shown() -> None:
    lexicon = Lexicon.built_in().with_valence({"dark": -1, "light": 1, "gloomy": -1, "cheerful": 1, "park": 1}, name="mine")
    texts, rows = planted()
    result = run_text_audit(texts, rows, QUICK, lexicon=lexicon)
    words = result.tables[WORDS_TABLE].set_index(["slice", "outcome"])
    dark = words.loc["tone: dark", VALENCE]
    assert dark["words"] == "dark, light"
    assert (dark["verdict"] == "skewed", dark["verdict_with"]) == (False, "skewed")
    assert abs(dark["effect"]) < 0.2 < -dark["effect_with"]
    assert dark["effect"] == row_of(result, "tone: dark", VALENCE).effect
    kept = run_text_audit(texts, rows, QUICK, lexicon=lexicon, keep_attribute_words=True)
    assert row_of(kept, "tone: dark", VALENCE).effect == dark["effect_with"]
    pd.testing.assert_frame_equal(kept.tables[WORDS_TABLE], result.tables[WORDS_TABLE])
    # Words of one attribute are evidence in the slices of another.
    place = words.loc["place: park", VALENCE]
    assert place["words"] == "park"
    assert "light" in words.loc["tone: dark and place: park", VALENCE]["words"]
    assert not run_text_audit(texts, rows, QUICK).tables.get(WORDS_TABLE, pd.DataFrame()).size


def test_an_attribute_whose_words_are_all_that_was_said_has_nothing_left_to_judge() -> None:
    rng = np.random.default_rng(1)
    mood, place = rng.choice(["gloomy", "calm"], 300), rng.choice(["park", "street"], 300)
    rows = pd.DataFrame({"image_id": np.arange(300).astype(str), "mood": mood, "place": place})
    texts = Texts.from_frame(rows.assign(text=[f"A {word} day." for word in mood])[["image_id", "text"]])
    result = run_text_audit(texts, rows, QUICK)
    slices = set(result.outcomes[result.outcomes["outcome"] == SAD]["slice"])
    assert slices == {"place: park", "place: street"}
    words = result.tables[WORDS_TABLE].set_index(["slice", "outcome"])
    assert words.loc["mood: gloomy", SAD]["effect_with"] == pytest.approx(1.0)
    assert np.isnan(words.loc["mood: gloomy", SAD]["effect"])


def test_strata_hold_something_fixed() -> None:
    texts, rows = planted(gap=0.3)
    result = run_text_audit(texts, rows, AuditConfig(draws=99, adjust_for=("place",)))
    adjusted = result.tables[f"adjusted outcome {SAD}"].set_index("slice")
    assert adjusted.loc["tone: dark", "within"] == pytest.approx(row_of(result, "tone: dark", SAD).effect, abs=0.03)


def test_what_is_counted_and_what_no_text_says_is_told() -> None:
    texts, rows = planted(100)
    some = texts.rows.assign(text=texts.rows["text"].where(texts.rows.index % 50 > 0, ""))
    notes = run_text_audit(Texts.from_frame(some), rows, QUICK).run.notes
    refused = int(some["text"].str.contains("sorry").sum())
    assert any(f"{refused} refusals and 4 empty texts of 200 texts" in note for note in notes)
    assert any(note.startswith("no text has a word of amusement, anger") for note in notes)


def test_what_cannot_be_audited_is_refused() -> None:
    texts, rows = planted(50)
    with pytest.raises(ValueError, match=r"texts.csv: none of 100 texts is about a picture with attributes"):
        run_text_audit(texts, rows.assign(image_id="x"), QUICK)
    with pytest.raises(ValueError, match=f"the attribute '{DOUBT}' has the name of an outcome of texts"):
        run_text_audit(texts, rows.assign(**{DOUBT: 1}), QUICK)
    alike = Texts.from_frame(texts.rows.assign(text="A chair."), source="alike.csv")
    with pytest.raises(ValueError, match=r"alike.csv: the texts about all pictures are alike in all that is measured"):
        run_text_audit(alike, rows, QUICK)
