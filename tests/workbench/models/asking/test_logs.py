"""Does `workbench audit` take a log of answers as it lies there, and say how far repeated runs agree?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.workbench.models.asking.logs import RUNS_TABLE, logged_predictions
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import SLIM, refusal, succeeded

LABELS = ("awe", "fear", "sadness")
QUICK = ("--resamples", 99)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of OpenAI's batches with three texts a picture: dark ones are called fearful 50 points more; and their faces."""
    folder = tmp_path_factory.mktemp("logs")
    rng = np.random.default_rng(3)
    tone = rng.choice(["dark", "light"], 300)
    records = []
    for at, one in enumerate(tone):
        fearful = rng.random() < 0.2 + 0.5 * (one == "dark")
        words = [("fear" if fearful else "awe") if rng.random() < 0.9 else "sadness" for _ in range(3)]
        choices = [{"index": n, "message": {"content": f"The answer is {word}."}} for n, word in enumerate(words)]
        body = {"model": "acme-1", "choices": choices}
        records.append({"custom_id": f"{at:03}", "response": {"status_code": 200, "body": body}, "error": None})
    rng.shuffle(records)
    (folder / "out.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    ids = [f"{at:03}" for at in range(300)]
    labels = rng.choice(LABELS, 300)
    pd.DataFrame({"image_id": ids, "tone": tone, "label": labels}).to_csv(folder / "faces.csv", index=False)
    (folder / "labels.toml").write_text('labels = ["awe", "fear", "sadness"]\n')
    return folder


def test_a_log_is_audited_as_predictions_with_its_runs(given: Path, tmp_path: Path) -> None:
    call = ("audit", "--predictions", given / "out.jsonl", "--attributes", given / "faces.csv", *SLIM, *QUICK)
    outcome = succeeded(*call, "--taxonomy", given / "labels.toml", "-o", tmp_path / "run")
    assert "out.jsonl: 3 runs; all name one label in " in outcome.out
    assert "Krippendorff's alpha 0." in outcome.out
    assert "answers are means over 3 runs" in outcome.out
    result = load_audit(tmp_path / "run")
    findings = result.findings
    assert findings.iloc[0]["verdict"] == "skewed"
    assert {"awe", "fear"} == set(findings.loc[findings["verdict"] == "skewed", "emotion"])
    assert len(result.samples) == 300
    runs = result.tables[RUNS_TABLE]
    assert runs[["first", "second", "shared"]].to_numpy().tolist() == [["1", "2", 300], ["1", "3", 300], ["2", "3", 300]]
    assert result.run.provenance["asked_model"].startswith("acme-1 (log of OpenAI batch), parser ")


def test_a_log_that_does_not_name_its_labels_says_how_to(given: Path, tmp_path: Path) -> None:
    line = refusal("audit", "--predictions", given / "out.jsonl", "-o", tmp_path / "run")
    assert "(OpenAI batch) does not say which labels its 900 answers can name: name them with --taxonomy" in line
    assert "with --texts" in line


def test_a_log_is_audited_as_texts(given: Path, tmp_path: Path) -> None:
    succeeded(
        "audit",
        "--texts",
        given / "out.jsonl",
        "--attributes",
        given / "faces.csv",
        *QUICK,
        "--order",
        1,
        "-o",
        tmp_path / "run",
    )
    assert "900 texts about 300 pictures" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_runs_that_vary_together_widen_intervals(tmp_path: Path) -> None:
    """The skew differs from run to run for all pictures alike, which more pictures would not average out."""
    rng = np.random.default_rng(0)
    tone = np.repeat(["dark", "light"], 100)

    def written(name: str, rates: tuple[float, ...]) -> Path:
        rows = []
        for run, rate in enumerate(rates):
            fearful = np.where(tone == "dark", rng.random(200) < rate, rng.random(200) < 0.5)
            rows += [
                (f"{at:03}", "fear" if one else "awe", run, where)
                for at, (one, where) in enumerate(zip(fearful, tone, strict=True))
            ]
        pd.DataFrame(rows, columns=["image_id", "text", "run", "tone"]).to_csv(tmp_path / f"{name}.csv", index=False)
        succeeded(
            "audit",
            "--predictions",
            tmp_path / f"{name}.csv",
            "--taxonomy",
            tmp_path / "l.toml",
            *SLIM,
            *QUICK,
            "-o",
            tmp_path / name,
        )
        finding = load_audit(tmp_path / name).findings.query("slice == 'tone: dark' and emotion == 'fear'").iloc[0]
        return finding["high"] - finding["low"]

    (tmp_path / "l.toml").write_text('labels = ["awe", "fear"]\n')
    assert written("apart", (0.1, 0.5, 0.9)) > 2 * written("alike", (0.5, 0.5, 0.5))


def test_one_run_has_nothing_to_agree_with(tmp_path: Path) -> None:
    pd.DataFrame({"image_id": ["a", "b"], "text": ["awe", "fear"], "label": ["awe", "fear"]}).to_csv(
        tmp_path / "t.csv", index=False
    )
    found = logged_predictions(tmp_path / "t.csv")
    assert (found.notes, dict(found.tables)) == ((), {})
    assert found.table["predicted"].tolist() == ["awe", "fear"]


def test_files_beside_a_log_are_refused_with_what_to_give(tmp_path: Path) -> None:
    (tmp_path / "m_results.json").write_text("{}")
    for option in ("--predictions", "--texts"):
        line = refusal("audit", option, tmp_path / "m_results.json", "-o", tmp_path / "run")
        assert "holds results of whole tasks: give the samples beside it" in line
