"""Is every further question asked where the data can answer it, refused by name where it was asked for, listed elsewhere?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit import questions as further
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.questions import NO_VALENCE, QUESTIONS, AuditContext, ask_questions
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.workbench.report.sections import report_sections
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import EKMAN, predictions_table, refusal, succeeded

QUICK = AuditConfig(map_pictures=0, draws=99, order=1)
OF_ALL = {"levels", "severity", "distribution", "comparability"}
WITH_TRUTH = {"odds", "confusions", "severity_beyond_labels"}
WITH_SCORES = {"retrieval", "retrieval_figures"}


FURTHER = OF_ALL | WITH_TRUTH | WITH_SCORES | {"calibration", "adjusted", "amplification", "amplification_means"}


def tables_of(table: pd.DataFrame, config: AuditConfig = QUICK, **more) -> dict[str, pd.DataFrame]:
    """The tables of these questions; those of the space are asked by `analyses.space`."""
    tables = run_audit(predictions_from_table(table), config, **more).tables
    return {name: table for name, table in tables.items() if name in FURTHER}


def test_what_the_data_can_answer_is_asked() -> None:
    table = predictions_table(300)
    assert set(tables_of(table)) == OF_ALL | WITH_TRUTH | WITH_SCORES | {"calibration"}
    assert set(tables_of(table.drop(columns="label"))) == OF_ALL | WITH_SCORES
    assert set(tables_of(predictions_table(300, scores=False))) == OF_ALL | WITH_TRUTH
    assert tables_of(table, replace(QUICK, further=False)) == {}


def test_what_nobody_asked_for_and_cannot_be_answered_is_listed_with_its_reason() -> None:
    logits = predictions_table(300)
    logits[[f"score_{label}" for label in EKMAN]] *= 7
    result = run_audit(predictions_from_table(logits), QUICK)
    assert "calibration" not in result.tables
    row = result.excluded[result.excluded["what"] == "question"].iloc[0]
    assert row["name"] == "calibration by slice"
    assert "do not add up to 1" in row["reason"]
    assert "if these are logits, give their softmax" in row["reason"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (replace(QUICK, adjust_for=("tone", "place")), "cannot adjust slices of tone, place for tone, place"),
        (replace(QUICK, adjust_for=("plase",)), "plase"),
        (replace(QUICK, outcomes=("valense",)), "no outcome 'valense' in the data"),
        (replace(QUICK, outcomes=("predicted_by",)), "outcome 'predicted_by': the column holds no numbers but text"),
        (replace(QUICK, favourable="bliss"), "favourable label 'bliss'"),
    ],
)
def test_what_was_asked_for_by_name_and_cannot_be_answered_is_an_error(config: AuditConfig, message: str) -> None:
    table = predictions_table(200).assign(predicted_by="someone")
    with pytest.raises(ValueError, match=message):
        run_audit(predictions_from_table(table), config)


def test_what_is_asked_of_a_sample_says_of_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(further, "MOST_RESAMPLED", 250)
    table = predictions_table(400)
    result = run_audit(predictions_from_table(table), QUICK)
    assert result.run.sampled == dict.fromkeys(("calibration", "retrieval", "retrieval_figures"), 250)
    assert result.tables["calibration"]["n"].max() < 250
    told = [sentence for section in report_sections(result) for sentence in section.found if sentence.startswith("Measured")]
    assert told == ["Measured on a random sample of 250 of 400 pictures."] * 2
    grouped = run_audit(predictions_from_table(table.assign(group_id=np.arange(400) // 4)), QUICK)
    assert {"severity", "distribution", "comparability"} < set(grouped.run.sampled)


def test_an_outcome_is_compared_and_not_sliced_by() -> None:
    table = predictions_table(600)
    table["valence"] = np.random.default_rng(0).normal(size=600) + (table["tone"] == "dark")
    result = run_audit(predictions_from_table(table), replace(QUICK, outcomes=("valence",)))
    assert "valence" not in result.run.attributes
    row = result.tables["outcome valence"].set_index("slice").loc["tone: dark"]
    dark = table["tone"] == "dark"
    assert row["effect"] == pytest.approx(table["valence"][dark].mean() - table["valence"][~dark].mean())
    assert row["verdict"] == "skewed"


def test_training_pictures_and_a_lexicon_of_ones_own() -> None:
    table, training = predictions_table(600), predictions_table(900, bias=0.2, seed=1).drop(columns="predicted")
    words = dict(zip(EKMAN, (-3.0, -2.0, -1.0, 4.0, -2.0, 0.5), strict=True))
    found = tables_of(table, context=AuditContext(training=training, valence=words))
    assert {"amplification", "amplification_means"} < set(found)
    mean = table["predicted"].map(words)[table["tone"] == "dark"].mean()
    assert found["severity"].set_index("slice").loc["tone: dark", "mean"] == pytest.approx(mean)


def test_every_chapter_leads_with_a_sentence_and_its_rows_with_their_slices() -> None:
    table = predictions_table(1_500)
    table["valence"] = np.random.default_rng(0).normal(size=1_500)
    config = replace(QUICK, adjust_for=("label",), outcomes=("valence",), favourable="joy")
    result = run_audit(predictions_from_table(table), config, context=AuditContext(training=predictions_table(900, seed=1)))
    found = report_sections(result)
    assert [section.name for section in found] == [
        "slice-accuracy",
        "adjusted",
        "error-rates",
        "severity",
        "levels",
        "calibration",
        "amplification",
        "impact",
        "distribution",
        "comparability",
        "retrieval",
        "outcome-1",
        "adjusted-outcome-1",
    ]
    for section in found:
        assert section.found[0].endswith(".")
        assert "nan" not in " ".join(section.found)
        assert not section.table.map(lambda cell: "nan" in str(cell)).any(axis=None)
        assert len(section.where) in (0, len(section.table))
        assert section.total >= len(section.table)
        assert section.source in result.tables
        for where, name in zip(section.where, section.table.get("slice", []), strict=False):
            assert all(str(value) in name for value in (where or {}).values())


def test_the_planted_skew_is_told_in_every_chapter_and_the_twin_is_quiet() -> None:
    biased, fair = (
        {
            section.name: section
            for section in report_sections(
                run_audit(
                    predictions_from_table(predictions_table(3_000, bias=bias, scores=False)),
                    replace(QUICK, adjust_for=("label",)),
                )
            )
        }
        for bias in (0.6, 0.0)
    )
    for name in ("error-rates", "severity", "levels", "distribution"):
        assert "tone: dark" in " ".join(biased[name].found), name
    assert "0 of 30 pairs are skewed" not in biased["adjusted"].found[0]
    assert fair["adjusted"].found == ("Adjusted for label, 0 of 30 pairs are skewed.",)
    assert fair["error-rates"].found[0].startswith("Against the labels, 0 of 60 gaps")
    assert len(fair["severity"].found) == len(fair["levels"].found) == 1


def test_the_rule_of_thumb_and_the_test_are_told_apart_in_one_sentence() -> None:
    config = replace(QUICK, favourable="joy")
    result = run_audit(predictions_from_table(predictions_table(600, bias=0.5)), config)
    table = result.tables["comparability"]
    impact = (table["measure"] == "impact ratio") & (table["attribute"] == "tone")
    for value, q, below, link, lower in (
        (0.7, 0.6, "below", "but", "not lower"),
        (0.7, 0.01, "below", "and", "lower"),
        (0.9, 0.01, "not below", "but", "lower"),
        (0.9, 0.6, "not below", "and", "not lower"),
    ):
        changed = table.assign(value=table["value"].mask(impact, value), q=table["q"].mask(impact, q))
        sections = {
            one.name: one for one in report_sections(replace(result, tables=result.tables | {"comparability": changed}))
        }
        (sentence,) = [one for one in sections["comparability"].found if one.startswith("Impact ratio of joy by tone")]
        assert (
            f", {below} the four fifths of the rule of thumb, {link} by the test {lower} than expected by chance" in sentence
        )
    for sentence in (sections["comparability"].found[0], sections["impact"].found[0]):
        assert "rule of thumb" in sentence
        assert "test" in sentence
        assert "of the others" in sentence, "what the rule lets pass and the test does not"


def test_the_command_line_asks_by_name_and_keeps_the_answers(tmp_path) -> None:
    predictions_table(300).to_csv(tmp_path / "table.csv", index=False)
    predictions_table(300, seed=1).drop(columns="predicted").to_csv(tmp_path / "training.csv", index=False)
    (tmp_path / "words.csv").write_text("label,valence\njoy,4\nanger,-3\nserendipity,9\n", encoding="utf-8")
    given = ("audit", "--predictions", tmp_path / "table.csv", "--map-pictures", 0, "--resamples", 99)
    more = ("--training-data", tmp_path / "training.csv", "--valence", tmp_path / "words.csv", "--adjust-for", "label")
    succeeded(*given, *more, "--favourable", "joy", "-o", tmp_path / "run")
    result = load_audit(tmp_path / "run")
    assert {"adjusted", "amplification", "severity"} < set(result.tables)
    assert "impact ratio" in set(result.tables["comparability"]["measure"])
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Adjusted for label" in page
    assert "Impact ratio of joy by tone" in page
    assert "Impact ratios: who is predicted as joy less often?" in page
    words = tmp_path / "words.csv"
    for text, message in (
        ("word,valence\njoy,4\n", "expected label and valence"),
        ("label,valence\nserendipity,4\n", "gives a valence for none of"),
        ("label,valence\njoy,high\nanger,1\n", "the valence of 'joy' is not a number"),
        ("label,valence\njoy,4\nhappiness,3\n", "gives 'joy' two valences, 4 and 3"),
    ):
        words.write_text(text, encoding="utf-8")
        assert message in refusal(*given, "--valence", words, "-o", tmp_path / "other")
    assert "no valence table at" in refusal(*given, "--valence", tmp_path / "none.csv", "-o", tmp_path / "other")
    assert "have no attribute 'place'" in refusal(
        *given, "--training-data", _without(tmp_path, "place"), "-o", tmp_path / "other"
    )


def test_data_that_look_wrong_are_named() -> None:
    table = predictions_table(200, scores=False)
    one = table.assign(predicted="joy")
    assert any("every one of 200 pictures is predicted as joy" in note for note in noted(one))
    alone = table.assign(group_id=np.arange(200))
    assert any("no two pictures share a group_id" in note for note in noted(alone))
    shares = np.random.default_rng(0).dirichlet(np.ones(6), 200)
    shares[:7] *= 0.6
    votes = pd.DataFrame(shares, columns=[f"vote_{label}" for label in EKMAN])
    voted = pd.concat([table.drop(columns="label"), votes], axis=1)
    assert any("votes of 7 pictures are shares that do not add up to 1" in note for note in noted(voted))
    counts = pd.concat([table.drop(columns="label"), (votes * 10).round() + 1], axis=1)
    assert not any("add up" in note for note in noted(counts))
    many = table.assign(artist=[f"artist {number}" for number in range(200)])
    named = pd.concat(
        [many.assign(image_id=many["image_id"] + str(part), artist=many["artist"] + str(part)) for part in range(6)]
    )
    result = run_audit(predictions_from_table(named), replace(QUICK, attributes=("artist", "tone"), further=False))
    reason = result.excluded[result.excluded["name"] == "artist"]["reason"].iloc[0]
    assert "1,200 different values, more than 1,000: merge them into fewer groups" in reason


def noted(table: pd.DataFrame) -> list[str]:
    return list(run_audit(predictions_from_table(table), replace(QUICK, further=False)).run.notes)


def _without(folder, column: str):
    path = folder / f"without-{column}.csv"
    predictions_table(300, seed=1).drop(columns=["predicted", column]).to_csv(path, index=False)
    return path


def test_every_question_stands_in_the_list_once() -> None:
    names = [question.name for question in QUESTIONS]
    assert len(set(names)) == len(names) == 10
    config = replace(QUICK, further=False, favourable="joy")
    predictions = predictions_from_table(predictions_table(200))
    data = SlicedPredictions(predictions, (coded_attribute(predictions.rows["tone"]),))
    asked = ask_questions(data, config, context=AuditContext(valence={"joy": 1.0, "anger": 0}))
    assert set(asked.tables) == {"comparability", "severity"}  # only what was asked for by name
    assert [name.startswith(NO_VALENCE) for name, _ in asked.left_out] == [True]
