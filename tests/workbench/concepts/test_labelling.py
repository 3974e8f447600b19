"""Labels by people: what is asked, how it is kept, whether they agree, and that an audit calibrates with the answers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import cohen_kappa_score
from streamlit.testing.v1 import AppTest

from affect_workbench.analyses.concepts.agreement import agreement, krippendorff_alpha
from affect_workbench.data.concepts.annotations import gold_labels, read_answers
from affect_workbench.data.synthetic.concepts import correlated_concept
from affect_workbench.workbench.concepts.queue import answered, next_open, open_queue, progress_lines, save_answer
from affect_workbench.workbench.concepts.sentences import ASSOCIATION, CALIBRATION_WARNING
from affect_workbench.workbench.concepts.tables import CALIBRATED, NULL, SCORES
from affect_workbench.workbench.report.sentences import plain_sentence
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import SLIM, refusal, succeeded, workbench

APP = Path(__file__).resolve().parents[3] / "workbench" / "app.py"
SIZE = 400


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Predictions of anyone's model, features of another encoder, and a direction in these that leans toward an emotion."""
    root = tmp_path_factory.mktemp("labels")
    planted = correlated_concept(0.6, n=3_000, seed=21)  # of .4 it is no better than a random direction of this world
    names = planted.world.taxonomy.labels
    Image.new("RGB", (32, 32), "navy").save(root / "picture.png")
    rows = planted.world.rows[["image_id", "label"]].assign(
        predicted=[names[code] for code in planted.y_pred], path=str(root / "picture.png")
    )
    rows.to_csv(root / "said.csv", index=False)
    values = planted.features
    np.save(root / "features.npy", values)
    rows[["image_id"]].to_csv(root / "features.csv", index=False)
    np.save(root / "hat.npy", planted.concept.direction)
    gold = dict(zip(rows["image_id"], planted.gold, strict=True))
    words = (
        "audit",
        "--predictions",
        root / "said.csv",
        "--concepts",
        root / "hat.npy",
        "--concept-features",
        root / "features.csv",
        "--map-pictures",
        "0",
        "--order",
        "1",
        "--taxonomy",
        "mikels8",
        "--no-additional-analyses",
        "--space-pictures",
        "0",
    )
    outcome = succeeded(*words, "-o", root / "run")
    return {"root": root, "planted": planted, "gold": gold, "audit": words, "run": root / "run", "outcome": outcome}


@pytest.fixture
def queue(world, tmp_path):
    succeeded("label", world["run"], "-o", tmp_path / "labels" / "hat", "--size", SIZE)
    return open_queue(tmp_path / "labels" / "hat")


def test_an_audit_keeps_the_scores_and_calls_it_an_association(world):
    result = load_audit(world["run"])
    scores = result.tables[SCORES]
    assert list(scores.columns) == ["image_id", "hat"]
    np.testing.assert_allclose(scores["hat"], world["planted"].score, atol=1e-6)
    assert len(result.tables[NULL]) == 1
    assert CALIBRATED not in result.tables
    assert CALIBRATION_WARNING in result.run.notes
    assert "scored in other features than those used for the predictions" in world["outcome"].out
    report = (world["run"] / "report.html").read_text(encoding="utf-8")
    assert ASSOCIATION in report
    assert ASSOCIATION in (world["run"] / "findings.json").read_text(encoding="utf-8")


def test_a_random_direction_makes_no_finding_and_is_listed_as_such(world, tmp_path):
    direction = np.random.default_rng(8).standard_normal(world["planted"].concept.width)
    np.save(tmp_path / "noise.npy", direction)
    words = [tmp_path / "noise.npy" if one == world["root"] / "hat.npy" else one for one in world["audit"]]
    ended = workbench(*words, "-o", tmp_path / "run", "--fail-on", "skewed")
    assert ended.code == 0, ended.out
    result = load_audit(tmp_path / "run")
    assert set(result.findings["verdict"]) <= {"undetermined", "too small"}
    assert result.excluded.query("what == 'concept'")["name"].tolist() == ["noise (inferred)"]
    assert "warning: concept 'noise (inferred)' is inferred, and no better than a random direction" in ended.out
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "No better than a random direction: noise (inferred)." in page
    assert result.tables[NULL]["verdict"].tolist() == ["no better than a random direction"]


def test_the_queue_is_drawn_once_and_gone_on_with(world, tmp_path):
    folder = tmp_path / "hat"
    first = succeeded("label", world["run"], "--concept", "hat (inferred)", "-o", folder, "--size", SIZE)
    assert "nobody has labelled yet; 200 pictures are needed" in first.out
    queue = open_queue(folder)
    assert (len(queue.pictures), queue.concept, queue.seed) == (SIZE, "hat", 0)
    assert set(queue.pictures) == {"image_id", "path", "stratum", "probability"}
    assert (folder / "queue.csv").read_text(encoding="utf-8").count("predicted") == 0  # whoever labels must not know
    save_answer(queue, 0, "yes", "Ada")
    again = succeeded("label", world["run"], "-o", folder, "--size", SIZE)
    assert "Ada: 1 of 400 (1 yes, 0 no, 0 unsure)" in again.out
    assert "holds another queue (400 pictures, 'hat', seed 0)" in refusal("label", world["run"], "-o", folder, "--size", 300)
    assert "holds another queue" in refusal("label", world["run"], "-o", folder, "--size", SIZE, "--seed", 1)
    assert len(open_queue(folder).answers) == 1


def test_what_cannot_be_labelled_is_refused(world, tmp_path):
    assert "no concept 'cap'; concepts: hat" in refusal("label", world["run"], "--concept", "cap", "-o", tmp_path / "x")
    assert "expected at least 8, one of each predicted label" in refusal(
        "label", world["run"], "-o", tmp_path / "x", "--size", 5
    )
    table = pd.read_csv(world["root"] / "said.csv").head(200).assign(tone=["dark", "light"] * 100)
    table.to_csv(tmp_path / "bare.csv", index=False)
    succeeded("audit", "--predictions", tmp_path / "bare.csv", "-o", tmp_path / "bare", *SLIM)
    assert "has no concepts to label: audit with --concepts first" in refusal("label", tmp_path / "bare")
    table.drop(columns="path").to_csv(tmp_path / "pathless.csv", index=False)
    words = [tmp_path / "pathless.csv" if word == world["root"] / "said.csv" else word for word in world["audit"]]
    succeeded(*words, "-o", tmp_path / "pathless")
    assert "200 of 200 pictures of this run have no column path" in refusal("label", tmp_path / "pathless")
    (tmp_path / "half").mkdir()
    assert "is not a finished label folder" in refusal("label", world["run"], "-o", tmp_path / "half")


# Answers


def test_answers_are_kept_one_a_person_in_the_order_of_the_queue(queue):
    for position, answer in ((3, "yes"), (1, "no"), (3, "unsure")):
        save_answer(queue, position, answer, "  Ada \n B ")
    save_answer(queue, 1, "yes", 'Bo, the "2nd"')
    table = pd.read_csv(queue.folder / "labels.csv", dtype=str)
    ids = queue.pictures["image_id"]
    assert list(zip(table["image_id"], table["annotator"], table["answer"], strict=True)) == [
        (ids[1], "Ada B", "no"),
        (ids[1], 'Bo, the "2nd"', "yes"),
        (ids[3], "Ada B", "unsure"),
    ]
    assert list(table["probability"].astype(float)) == pytest.approx(list(queue.pictures["probability"].iloc[[1, 1, 3]]))
    assert answered(queue, "Ada B") == {1: "no", 3: "unsure"}
    assert answered(queue, "nobody") == {}
    assert not list(queue.folder.glob(".*partial*"))
    for wrong, message in (
        (("maybe", "Ada"), "no answer 'maybe'; answers: yes, no, unsure"),
        (("yes", " "), "needs a name"),
    ):
        with pytest.raises(ValueError, match=message):
            save_answer(queue, 0, *wrong)


def test_several_tabs_lose_nothing(queue):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: save_answer(queue, at, "yes", f"person {at % 4}"), range(40)))
    assert len(queue.answers) == 40


def test_which_picture_comes_next(queue):
    assert next_open(queue, {}) == 0
    assert next_open(queue, {0: "yes", 1: "no"}, after=1) == 2
    assert next_open(queue, dict.fromkeys(range(1, SIZE), "yes"), after=300) == 0
    assert next_open(queue, dict.fromkeys(range(SIZE), "yes")) is None


def test_answers_of_files_are_put_together(tmp_path):
    columns = "concept,image_id,answer,annotator,time,stratum,probability\n"
    (tmp_path / "a.csv").write_text(
        columns + "hat,007,yes,Ada,2026-01-01T00:00:00+00:00,0,0.5\nhat,8,unsure,Ada,2026-01-01T00:00:00+00:00,1,0.25\n"
    )
    (tmp_path / "b.csv").write_text(
        columns + "hat,007,no,Ada,2026-01-02T00:00:00+00:00,0,0.5\nhat,9,YES,Bo,2026-01-01T00:00:00+00:00,1,0.25\n"
        "hat,9,no,Cy,2026-01-01T00:00:00+00:00,1,0.25\n"
    )
    labels = gold_labels(read_answers([tmp_path / "a.csv", tmp_path / "b.csv"]))["hat"]
    gold, weights = labels.of(pd.Series(["9", "007", "none", "8"]))
    np.testing.assert_array_equal(gold, [np.nan, 0, np.nan, np.nan])  # a tie, the later answer, nobody, unsure
    np.testing.assert_array_equal(weights, [4, 2, np.nan, 4])
    assert (labels.decided, labels.annotators) == (1, ("Ada", "Bo", "Cy"))
    said = " ".join(labels.notes(pd.Series(["9", "007"])))
    assert "1 pictures were labelled by 3 people" in said
    assert "1 that nobody was sure about and 1 with a tie" in said
    assert "1 labelled picture is not in this audit, first '8'" in said
    (tmp_path / "own.csv").write_text("image_id,answer\nx,yes\ny,no\n")
    own = gold_labels(read_answers([tmp_path / "own.csv"]))[""]
    assert own.of(pd.Series(["x", "y"]))[1] is None
    assert "taken for a simple random sample" in " ".join(own.notes(pd.Series(["x", "y"])))


def test_answers_and_concepts_are_understood_in_any_spelling(tmp_path):
    text = "concept,image_id,answer\nHat,1,Yes.\nhat ,2, NO\nHat,3,'unsure'\nHat,4,yes!\n"
    (tmp_path / "a.csv").write_text(text)
    found = gold_labels(read_answers([tmp_path / "a.csv"]))
    assert list(found) == ["Hat"]
    np.testing.assert_array_equal(found["Hat"].of(pd.Series(["1", "2", "3", "4"]))[0], [1, 0, np.nan, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as labels"),
        ("picture,answer\nx,yes\n", "has the columns picture, answer: expected image_id and answer"),
        ("image_id,answer\nx,perhaps\n", "holds the answer 'perhaps': expected yes, no, unsure"),
        ("image_id,answer,probability\nx,yes,1.5\n", "holds the probability 1.5: expected above 0, at most 1"),
        ("image_id,answer,probability\nx,yes,half\n", "probability and stratum must be numbers"),
        ("image_id,answer,annotator,probability\nx,yes,A,.5\nx,yes,B,.2\n", "drawn with two probabilities, first 'x'"),
    ],
)
def test_files_of_answers_refused(tmp_path, text, message):
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_answers([tmp_path / "l.csv"])


def test_answers_with_and_without_probabilities_do_not_mix(tmp_path):
    (tmp_path / "l.csv").write_text("image_id,answer,probability\nx,yes,.5\ny,no,\n")
    with pytest.raises(ValueError, match="1 of 2 answers about '' have no probability"):
        gold_labels(read_answers([tmp_path / "l.csv"]))
    with pytest.raises(FileNotFoundError, match=r"no labels at .*none.csv"):
        read_answers([tmp_path / "none.csv"])


# Agreement


def test_alpha_of_a_published_example():
    """Krippendorff 2011, "Computing Krippendorff's alpha-reliability", example C: 4 observers, 12 units, nominal: .743."""
    observers = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]
    rows = [
        (str(unit), f"observer {number}", value)
        for number, line in enumerate(observers)
        for unit, value in enumerate(line.split())
        if value != "."
    ]
    found = agreement(pd.DataFrame(rows, columns=["image_id", "annotator", "answer"]))
    assert found.alpha == pytest.approx(0.743, abs=0.0005)
    assert found.low < found.alpha < found.high
    assert found.shared == 11
    assert len(found.pairs) == 6


def test_agreement_of_two_by_a_loop():
    rng = np.random.default_rng(3)
    first = rng.choice(["yes", "no", "unsure"], size=80, p=[0.4, 0.5, 0.1])
    second = np.where(rng.random(80) < 0.7, first, rng.choice(["yes", "no"], size=80))
    ids = [str(at) for at in range(80)]
    table = pd.DataFrame(
        {"image_id": ids * 2, "annotator": ["Ada"] * 80 + ["Bo"] * 80, "answer": np.concatenate([first, second])}
    )
    found = agreement(table)
    assert found.pairs.iloc[0]["kappa"] == pytest.approx(cohen_kappa_score(first, second))
    assert found.pairs.iloc[0]["agree"] == pytest.approx((first == second).mean())
    values = np.concatenate([first, second])
    observed = (first != second).mean()
    pairs = [(a, b) for at, a in enumerate(values) for other, b in enumerate(values) if at != other]
    expected = np.mean([a != b for a, b in pairs])
    assert found.alpha == pytest.approx(1 - observed / expected)


def test_alpha_of_chance_and_of_perfection():
    counts = np.array([[2.0, 0], [0, 2], [2, 0], [0, 2]])
    assert krippendorff_alpha(counts, np.ones((1, 4)))[0] == 1
    assert np.isnan(krippendorff_alpha(counts[[0, 2]], np.ones((1, 2)))[0])  # all alike: nothing to disagree about
    rng = np.random.default_rng(0)
    random = np.eye(2)[rng.integers(2, size=(4_000, 2))].sum(axis=1)
    assert abs(krippendorff_alpha(random, np.ones((1, 4_000)))[0]) < 0.06


def test_progress_says_how_people_agree(queue):
    for at in range(12):
        save_answer(queue, at, "yes" if at % 3 else "no", "Ada")
        save_answer(queue, at, "yes" if at % 3 or at == 0 else "no", "Bo")
    said = "\n".join(progress_lines(queue))
    assert "Ada: 12 of 400 (8 yes, 4 no, 0 unsure)" in said
    assert "188 more are needed to calibrate a skew" in said
    assert "On the 12 pictures that two or more of 2 people labelled, Krippendorff’s alpha is 0.8" in said


# From answers to a calibrated audit


def answer_all(queue, gold, name="Ada"):
    """Writes what somebody who makes no mistake would have answered, in one go."""
    pictures = queue.pictures
    table = pd.DataFrame(
        {
            "concept": queue.concept,
            "image_id": pictures["image_id"],
            "answer": ["yes" if gold[image_id] else "no" for image_id in pictures["image_id"]],
            "annotator": name,
            "time": "2026-01-01T00:00:00+00:00",
            "stratum": pictures["stratum"],
            "probability": pictures["probability"],
        }
    )
    table.to_csv(queue.folder / "labels.csv", index=False)
    return queue.folder / "labels.csv"


def test_gold_labels_take_back_what_the_prompt_made_up(world, queue, tmp_path):
    labels = answer_all(queue, world["gold"])
    outcome = succeeded(*world["audit"], "-o", tmp_path / "run", "--concept-labels", labels)
    result = load_audit(tmp_path / "run")
    table = result.tables[CALIBRATED].set_index("emotion")
    emotion = world["planted"].world.taxonomy.labels[world["planted"].label]
    cell = table.loc[emotion]
    naive = result.findings[[where == {"hat (inferred)": "yes"} for where in result.findings["where"]]]
    naive = naive.set_index("emotion").loc[emotion]
    assert cell["naive"] == naive["effect"] > 0.08
    assert cell["naive_verdict"] == "skewed"
    assert abs(cell["effect"]) < 0.05
    assert cell["low"] <= 0 <= cell["high"]
    assert cell["verdict"] != "skewed"
    assert set(table["gold"]) == {SIZE}
    (gone,) = [line for line in outcome.out.splitlines() if "Of the skews of the inferred attribute, " in line]
    assert emotion in gone.split("inferred attribute, ")[1]
    assert "400 pictures were labelled by 1 person" in outcome.out
    assert CALIBRATION_WARNING not in result.run.notes
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert ASSOCIATION not in report
    assert "calibrated on 400 true labels" in report
    assert "Skew calibrated on true labels" in report
    sentences = [one["sentence"] for one in json.loads((tmp_path / "run" / "findings.json").read_text())["findings"]]
    yes = next(sentence for sentence in sentences if "hat (inferred): yes" in sentence and emotion in sentence)
    no = next(sentence for sentence in sentences if "hat (inferred): no" in sentence and emotion in sentence)
    sign = {"+": "−", "−": "+"}
    shown = yes.split("calibrated on 400 true labels ")[1]
    assert no.split("calibrated on 400 true labels ")[1][0] == sign.get(shown[0], shown[0])


def test_too_few_labels_stay_an_association(world, queue, tmp_path):
    labels = answer_all(queue, world["gold"])
    pd.read_csv(labels).head(150).to_csv(tmp_path / "few.csv", index=False)
    outcome = succeeded(*world["audit"], "-o", tmp_path / "run", "--concept-labels", tmp_path / "few.csv")
    assert "is not calibrated: 150 concept labels: expected at least 200" in outcome.out
    assert ASSOCIATION in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_gold_needs_its_concept(world, queue, tmp_path):
    labels = answer_all(queue, world["gold"])
    renamed = pd.read_csv(labels).assign(concept="cap")
    renamed.to_csv(tmp_path / "cap.csv", index=False)
    words = (*world["audit"], "-o", tmp_path / "run", "--concept-labels")
    assert "--concept-labels holds labels of 'cap', this audit uses 'hat'" in refusal(*words, tmp_path / "cap.csv")
    assert "--concept-labels needs concepts: name them with --concepts" in refusal(
        "audit", "--predictions", world["root"] / "said.csv", "-o", tmp_path / "run", "--concept-labels", labels
    )


def test_features_of_other_pictures_are_refused(world, tmp_path):
    rows = pd.read_csv(world["root"] / "features.csv", dtype=str).head(2_990)
    rows.to_csv(tmp_path / "some.csv", index=False)
    np.save(tmp_path / "some.npy", np.load(world["root"] / "features.npy")[:2_990])
    words = [tmp_path / "some.csv" if word == world["root"] / "features.csv" else word for word in world["audit"]]
    assert "lacks 10 of 3,000 audited pictures" in refusal(*words, "-o", tmp_path / "run")
    assert "--concept-project perhaps: expected auto, yes, no" in refusal(
        *world["audit"], "-o", tmp_path / "run", "--concept-project", "perhaps"
    )


def test_a_sentence_says_what_it_is_worth(world):
    row = load_audit(world["run"]).finding(0)
    assert plain_sentence(row, caveats=ASSOCIATION).endswith(f"; {ASSOCIATION}.")
    assert ASSOCIATION not in plain_sentence(row)


# The page


@pytest.fixture
def page(world, queue, monkeypatch):
    def open_page(labels=queue.folder.parent, run=""):
        monkeypatch.setenv("WORKBENCH_RUN", str(run))
        monkeypatch.setenv("WORKBENCH_RUNS", "nowhere")
        monkeypatch.setenv("WORKBENCH_LABELS", str(labels))
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        return app.switch_page("views/pages/people/label.py").run()

    return open_page


def press(app, name):
    (button,) = [one for one in app.button if one.label == name]
    return button.click().run()


def test_labelling_in_the_app(page, queue):
    app = page()
    assert not app.exception
    assert "Type your name first" in app.info[0].value
    assert not (queue.folder / "labels.csv").exists()
    app = app.text_input[0].set_value("Ada").run()
    assert [button.label for button in app.button] == ["yes", "no", "unsure", "back"]
    assert app.button[3].disabled
    assert app.subheader[0].value == "Does “hat” fit this picture?"
    for answer in ("yes", "no", "unsure"):
        app = press(app, answer)
        assert not app.exception
    assert answered(queue, "Ada") == {0: "yes", 1: "no", 2: "unsure"}  # saved after each
    app = press(app, "back")
    assert "so far: unsure" in app.caption[0].value
    app = press(app, "no")
    assert answered(queue, "Ada") == {0: "yes", 1: "no", 2: "no"}
    assert "Picture 4 of 400" in app.caption[0].value
    again = page().text_input[0].set_value("Ada").run()  # another day
    assert "Picture 4 of 400" in again.caption[0].value
    other = page().text_input[0].set_value("Bo").run()
    assert "Picture 1 of 400" in other.caption[0].value
    other = press(press(other, "yes"), "yes")
    assert "two or more of 2 people" in "\n".join(element.value for element in other.markdown)


def test_the_last_answer(page, queue, world):
    answer_all(queue, world["gold"])
    table = pd.read_csv(queue.folder / "labels.csv")
    table[table["image_id"] != queue.pictures["image_id"].iloc[-1]].to_csv(queue.folder / "labels.csv", index=False)
    app = page().text_input[0].set_value("Ada").run()
    app = press(app, "no")
    assert "answered all of them" in app.success[0].value
    assert "enough to calibrate" in "\n".join(element.value for element in app.markdown)
    app = press(app, "Back")
    assert "Picture 400 of 400" in app.caption[0].value


def test_pages_without_anything_to_label_or_a_broken_folder(page, queue, tmp_path, world):
    (tmp_path / "empty").mkdir()
    assert "There is nothing to label" in page(tmp_path / "empty").info[0].value
    assert "There is nothing to label" in page(tmp_path / "none").info[0].value
    (queue.folder / "queue.json").write_text("{}")
    assert "cannot be used" in page().error[0].value


@pytest.mark.parametrize("calibrated", [False, True])
def test_the_page_of_concepts(world, queue, tmp_path, monkeypatch, calibrated):
    run = world["run"]
    if calibrated:
        run = tmp_path / "run"
        succeeded(*world["audit"], "-o", run, "--concept-labels", answer_all(queue, world["gold"]))
    monkeypatch.setenv("WORKBENCH_RUN", str(run))
    app = AppTest.from_file(str(APP), default_timeout=60).run().switch_page("views/pages/audit/concepts.py").run()
    assert not app.exception
    titles = [element.value for element in app.subheader]
    assert ("Skew calibrated on true labels" in titles) == calibrated
    assert bool(app.warning) != calibrated


def test_a_comparison_over_inferred_attributes_says_what_they_are(world, tmp_path):
    succeeded("compare", world["run"], world["run"], "-o", tmp_path / "compare")
    assert CALIBRATION_WARNING in json.loads((tmp_path / "compare" / "comparison.json").read_text())["notes"]
    assert "come from a model, not from people" in (tmp_path / "compare" / "compare.html").read_text(encoding="utf-8")
