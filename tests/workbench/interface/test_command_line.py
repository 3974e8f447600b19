"""The command line: what it accepts, and one clear line with exit code 2 for everything else, with nothing lost."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.storage.atomic import finished_under
from affect_workbench.data.synthetic.features import feature_table
from affect_workbench.workbench.__main__ import COMMANDS
from affect_workbench.workbench.interface.options import flag_of, options
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import SLIM, finished_run, predictions_table, refusal, stopped, succeeded, workbench

pytest_plugins = ["workbench_fixtures"]


def tree(root: Path, vectors: dict[str, object], *, split: str = "train") -> Path:
    """TinyEmo's layout: `<class>/<id>` -> a tensor, or the bytes of a file that is none."""
    import torch

    for name, vector in vectors.items():
        file = root / "images" / split / f"{name}.pt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(vector) if isinstance(vector, bytes) else torch.save(torch.as_tensor(vector), file)
    return root


def small_tree(root: Path, *, width: int = 8, each: int = 6, classes: tuple[str, ...] = ("anger", "joy")) -> Path:
    rng = np.random.default_rng(0)
    vectors = {f"{name}/{number}": rng.standard_normal(width).astype("f4") for name in classes for number in range(each)}
    return tree(root, vectors)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A run for tests that copy it."""
    return finished_run(tmp_path_factory.mktemp("finished") / "run", predictions_table(), further=False)


@contextlib.contextmanager
def full_disk(limit: int):
    """Every file that grows beyond `limit` bytes fails to be written, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def left_in(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


# Help


def test_help_lists_every_command_and_imports_nothing_heavy():
    code = """
import sys
from affect_workbench.workbench.__main__ import main
try:
    main(["--help"])
except SystemExit as stop:
    print("exit", stop.code)
print("loaded", *sys.modules)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    page, loaded = printed.split("loaded ")
    assert "exit 0" in page
    assert [name for name in COMMANDS if not re.search(rf"\n    {name}\s", page)] == []
    heavy = {"torch", "transformers", "pandas", "numpy", "scipy", "sklearn", "streamlit", "plotly", "umap"}
    assert not heavy & set(loaded.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_explains_each_of_its_options(command):
    outcome = workbench(command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    words = " ".join(outcome.out.split())
    for name, item in options(COMMANDS[command]).items():
        flag = name if item.metadata.get("positional") else flag_of(item)
        assert flag in words
        assert " ".join(item.metadata["help"].split()) in words.replace("- ", "-") or item.metadata["help"][:20] in words


PATHS = {"data", "extra_features", "features", "out", "predictions", "probe", "review_from", "root", "runs", "system"}
"""Options that hold a file or a folder whatever the command; those whose help begins with one do as well."""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_is_a_path_and_whether_a_switch_is_on(command):
    text = " ".join(succeeded(command, "--help").out.split())
    for name, item in options(COMMANDS[command]).items():
        flag, words = flag_of(item), item.metadata["help"]
        a_path = name in PATHS or re.match(r"([a-z]+ )?(folder|CSV file|HTML file|TOML file)\b", words)
        if a_path and not item.metadata.get("positional"):
            assert f"{flag} PATH" in text, flag
        if isinstance(item.default, bool):
            assert f"{' '.join(words.split())} (default: {'on' if item.default else 'off'})" in text, flag
    assert "--config PATH" in text


ELSEWHERE = {"--folds": "a probe folder made with", "--concepts": "run folder of an audit with"}
"""Flags of the command that made what another command takes."""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_speaks_of_no_flag_that_it_lacks(command):
    own = {flag_of(item) for item in options(COMMANDS[command]).values()}
    for item in options(COMMANDS[command]).values():
        words = item.metadata["help"]
        for flag in re.findall(r"--[a-z][a-z-]*", words):
            known = flag in own or f"--{flag.removeprefix('--no-')}" in own
            assert known or f"{ELSEWHERE.get(flag, '(nowhere)')} {flag}" in words, f"{flag_of(item)}: {words}"


def test_without_a_command_the_help_is_shown():
    outcome = workbench()
    assert outcome.code == 2
    assert "COMMAND" in outcome.out


def test_the_console_command_is_this_one():
    (command,) = entry_points(group="console_scripts", name="workbench")
    assert command.value == "affect_workbench.workbench.__main__:main"


# Words that are not understood


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["audit", "--nonsense", "1"], "unrecognized arguments: --nonsense"),
        (["audit", "--feat", "x", "-o", "y"], "unrecognized arguments: --feat"),
        (["train", "--epochs", "three"], "invalid int value: 'three'"),
        (["train", "--out"], "expected one argument"),
        (["paint"], "workbench: error: unknown command 'paint' (see workbench --help)"),
        (["audti"], "unknown command 'audti'; did you mean audit? (see workbench --help)"),
        (["audit", "--predictoins", "t.csv"], "unrecognized arguments: --predictoins t.csv; did you mean --predictions?"),
        (["audit", "--quux=1"], "workbench audit: error: unrecognized arguments: --quux=1 (see workbench audit --help)"),
        (["--colour"], "workbench: error: unrecognized arguments: --colour (see workbench --help)"),
        (["train"], "missing --features and --out"),
        (["report"], "missing RUN"),
        (["train", "--features", "f", "-o", "o", "--loss", "hinge"], "unknown loss 'hinge'"),
        (["audit", "-o", "o", "--config", "nowhere.toml"], "no settings at nowhere.toml"),
        (["audit", "-o", "o"], "give either --features with --probe, or --predictions"),
        (["audit", "-o", "o", "--features", "f", "--predictions", "p"], "give either --features with --probe"),
        (["audit", "-o", "o", "--features", "f"], "--features needs --probe"),
        (["audit", "-o", "o", "--predictions", "p.csv", "--probe", "q"], "--probe goes with --features"),
    ],
)
def test_words_that_make_no_sense_are_refused_in_one_line(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    assert message in refusal(*words)
    assert left_in(tmp_path) == []


def test_an_unknown_key_in_the_file_is_refused_by_name(tmp_path):
    (tmp_path / "audit.toml").write_text('out = "o"\nprediction = "table.csv"\n')
    line = refusal("audit", "--config", tmp_path / "audit.toml")
    assert "unknown key 'prediction': did you mean predictions?" in line


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("no_further", "write additional_analyses = false"),
        ("no-additional-analyses", "write additional_analyses = false"),
        ("no_overwrite", "write overwrite = false"),
    ],
)
def test_a_switch_that_is_turned_off_in_the_file_as_on_the_command_line_is_told_how_it_is_written(tmp_path, key, hint):
    (tmp_path / "audit.toml").write_text(f'out = "o"\npredictions = "table.csv"\n{key} = true\n')
    assert f"unknown key '{key}': {hint}" in refusal("audit", "--config", tmp_path / "audit.toml")


# Missing, empty and broken inputs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--features", "gone", "-o", "o"], "no features at gone: the path does not exist"),
        (["audit", "--features", "gone", "--probe", "gone-too", "-o", "o"], "no probe at gone-too"),
        (["evaluate", "--features", "gone", "--probe", "gone-too"], "no probe at gone-too"),
        (["audit", "--predictions", "gone.csv", "-o", "o"], "no table at gone.csv"),
        (["audit", "--predictions", "empty", "-o", "o"], "empty holds no predictions.parquet"),
        (["report", "gone"], "no audit at gone"),
        (["app", "gone"], "nothing to open at gone, which is no folder: expected what one of these commands writes"),
        (["app", "empty"], "nothing to open at empty, which holds none of these: expected"),
        (["train", "--features", "empty", "-o", "o"], "empty holds no features the workbench knows"),
        (["report", "empty"], "empty is not a finished audit"),
        (["train", "--features", "f", "-o", "o", "--taxonomy", "ekmann"], "did you mean ekman6"),
    ],
)
def test_what_is_not_there_is_named(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert message in refusal(*words)
    assert left_in(tmp_path) == ["empty"]


def test_a_truncated_tensor_file_is_named(tmp_path):
    root = small_tree(tmp_path / "features")
    whole = (root / "images" / "train" / "joy" / "3.pt").read_bytes()
    tree(root, {"joy/3": whole[: len(whole) // 2]})
    line = refusal("train", "--features", root, "-o", tmp_path / "probe")
    assert "joy/3.pt is not a readable tensor file (truncated" in line
    assert not (tmp_path / "probe").exists()


def test_a_pickle_that_is_no_tensor_is_not_executed(tmp_path):
    import pickle

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    root = small_tree(tmp_path / "features")
    tree(root, {"joy/3": pickle.dumps(Bomb())})
    assert "joy/3.pt is not a readable tensor file" in refusal("train", "--features", root, "-o", tmp_path / "probe")
    assert not (tmp_path / "exploded").exists()


def test_unequal_widths_are_counted_and_named(tmp_path):
    root = small_tree(tmp_path / "features")
    tree(root, {"joy/1": np.zeros(9, "f4"), "joy/2": np.zeros(9, "f4")})
    line = refusal("train", "--features", root, "-o", tmp_path / "probe")
    assert "2 files are not 8 wide, first 'joy/1', 'joy/2'" in line


def test_nan_and_infinite_features_are_counted_and_named(tmp_path):
    root = small_tree(tmp_path / "features")
    bad = np.zeros((2, 8), "f4")
    bad[0, 3], bad[1, 0] = np.nan, np.inf
    tree(root, {"anger/4": bad[0], "joy/2": bad[1]})
    line = refusal("train", "--features", root, "-o", tmp_path / "probe")
    assert "2 pictures hold NaN or infinite values, first 'anger/4', 'joy/2'" in line


def test_nan_scores_are_counted_and_named(tmp_path):
    table = predictions_table(50)
    table.loc[[3, 7], "score_joy"] = np.nan
    table.to_csv(tmp_path / "table.csv", index=False)
    line = refusal("audit", "--predictions", tmp_path / "table.csv", "-o", tmp_path / "run")
    assert "2 pictures are NaN or infinite, first 'picture-00003', 'picture-00007'" in line


def test_duplicate_ids_are_counted_and_named(tmp_path):
    table = predictions_table(50)
    table.loc[[4, 5], "image_id"] = "picture-00001"
    table.to_csv(tmp_path / "table.csv", index=False)
    line = refusal("audit", "--predictions", tmp_path / "table.csv", "-o", tmp_path / "run")
    assert "1 id occurs more than once, first 'picture-00001'" in line


def test_duplicate_ids_among_the_attributes_are_named(tmp_path, table_file):
    pd.DataFrame({"id": ["picture-00001"] * 2, "mood": [1, 2]}).to_csv(tmp_path / "mood.csv", index=False)
    line = refusal(
        "audit", "--predictions", table_file(), "--attributes", tmp_path / "mood.csv", "-o", tmp_path / "run", *SLIM
    )
    assert "mood.csv: 1 id occurs more than once, first 'picture-00001'" in line


def test_a_label_outside_the_taxonomy_gets_the_nearest_names(tmp_path):
    root = small_tree(tmp_path / "features", classes=("anger", "sadnes"))
    line = refusal("train", "--features", root, "--taxonomy", "ekman6", "-o", tmp_path / "probe")
    assert "1 label is not in taxonomy 'ekman6', first 'sadnes': did you mean sadness" in line


def test_a_prediction_outside_the_taxonomy_gets_the_nearest_names(tmp_path):
    table = predictions_table(50, scores=False)
    table.loc[0, "predicted"] = "surprize"
    table.to_csv(tmp_path / "table.csv", index=False)
    line = refusal("audit", "--predictions", tmp_path / "table.csv", "--taxonomy", "ekman6", "-o", tmp_path / "run")
    assert "did you mean surprise" in line


def test_an_attribute_with_one_value_cannot_be_sliced(tmp_path, table_file):
    path = table_file(attributes={"camera": ("phone",)})
    line = refusal("audit", "--predictions", path, "-o", tmp_path / "run", *SLIM)
    assert "nothing to slice by: attribute 'camera' has one value ('phone')" in line


def test_an_attribute_with_one_value_beside_others_is_listed_not_dropped_in_silence(tmp_path, table_file):
    path = table_file(attributes={"tone": ("dark", "light"), "camera": ("phone",)})
    outcome = succeeded("audit", "--predictions", path, "-o", tmp_path / "run", *SLIM)
    assert "warning: attribute 'camera' is not sliced" in outcome.out
    assert "camera" in load_audit(tmp_path / "run").excluded["name"].tolist()


def test_an_unknown_attribute_gets_the_nearest_name(tmp_path, table_file):
    line = refusal("audit", "--predictions", table_file(), "--attributes", "plase", "-o", tmp_path / "run", *SLIM)
    assert "no attribute 'plase' in the data: did you mean place?" in line


def test_a_table_without_predictions_says_what_it_expected_and_found(tmp_path):
    pd.DataFrame({"image_id": ["a", "b"], "mood": [1, 2]}).to_csv(tmp_path / "table.csv", index=False)
    line = refusal("audit", "--predictions", tmp_path / "table.csv", "-o", tmp_path / "run")
    assert "the table has no predictions: expected a column 'predicted'" in line
    assert "its columns: image_id, mood" in line


def test_a_prefix_that_no_column_has_is_refused(tmp_path, table_file):
    line = refusal("audit", "--predictions", table_file(), "--scores-prefix", "clip_", "-o", tmp_path / "run")
    assert "no column starts with 'clip_' (--scores-prefix)" in line


def test_attributes_that_match_no_picture_are_refused_with_ids_of_both_sides(tmp_path, table_file):
    pd.DataFrame({"id": ["x1", "x2"], "mood": [1, 2]}).to_csv(tmp_path / "mood.csv", index=False)
    line = refusal("audit", "--predictions", table_file(), "--attributes", tmp_path / "mood.csv", "-o", tmp_path / "run")
    assert "'x1', 'x2'" in line
    assert "'picture-00000'" in line


# A probe and features that do not belong together


def test_a_probe_of_features_of_another_width_is_refused(demo, tmp_path):
    feature_table(width=32, train=10, test=40).save(tmp_path / "narrow")
    line = refusal("audit", "--features", tmp_path / "narrow", "--probe", demo.probe, "-o", tmp_path / "run")
    assert "trained on features of planted" in line
    assert "64 wide" in line
    assert "32 wide" in line
    assert not (tmp_path / "run").exists()


def test_a_probe_of_another_encoder_of_the_same_width_is_refused(demo, tmp_path):
    features = FeatureSet.load(demo.features).where(split="test")
    spec = replace(features.spec, encoder="another encoder")
    FeatureSet(spec, np.asarray(features.values), features.rows).save(tmp_path / "other")
    for command in (["audit", "-o", tmp_path / "run"], ["evaluate"]):
        line = refusal(*command, "--features", tmp_path / "other", "--probe", demo.probe)
        assert "another encoder, seed" in line or "another encoder (" in line
        assert "differs in encoder" in line


def test_features_of_an_unnamed_encoder_that_point_elsewhere_raise_a_doubt(tmp_path):
    """TinyEmo's files do not say what made them: the wrong encoder can only be suspected, and is."""
    rng = np.random.default_rng(0)
    names = [f"{label}/{number}" for label in ("anger", "joy") for number in range(20)]
    shapes = {name: rng.standard_normal(16) * 0.3 + (2 if "joy" in name else -2) * np.eye(16)[0] for name in names}
    common = {"one": 4 * np.eye(16)[1], "two": 4 * np.eye(16)[2]}
    for encoder, centre in common.items():
        tree(tmp_path / encoder, {name: (shape + centre).astype("f4") for name, shape in shapes.items()})
    succeeded("train", "--features", tmp_path / "one", "-o", tmp_path / "probe", "--epochs", 1, "--batch", 8)
    doubt = "may come from another encoder"
    own = succeeded("evaluate", "--features", tmp_path / "one", "--probe", tmp_path / "probe")
    other = succeeded("evaluate", "--features", tmp_path / "two", "--probe", tmp_path / "probe")
    assert doubt not in own.out
    assert doubt in other.out


def test_a_probe_folder_and_a_run_folder_are_not_mistaken_for_each_other(demo, tmp_path):
    line = refusal("audit", "--features", demo.features, "--probe", demo.audit, "-o", tmp_path / "run")
    assert "is not a probe" in line
    assert "is not an audit" in refusal("report", demo.probe)


def test_an_edited_probe_is_refused(demo, tmp_path):
    shutil.copytree(demo.probe, tmp_path / "probe")
    weights = (tmp_path / "probe" / "model.safetensors").read_bytes()
    (tmp_path / "probe" / "model.safetensors").write_bytes(weights[:-4] + bytes([weights[-4] ^ 1]) + weights[-3:])
    line = refusal("audit", "--features", demo.features, "--probe", tmp_path / "probe", "-o", tmp_path / "run")
    assert "does not match its weights fingerprint" in line


# Folders that exist


def test_a_run_that_exists_is_kept_unless_told_to_overwrite(tmp_path, table_file):
    path, run = table_file(), tmp_path / "run"
    succeeded("audit", "--predictions", path, "-o", run, *SLIM)
    before = (run / "audit.json").read_bytes()
    assert "run exists: choose another folder, or pass --overwrite" in refusal("audit", "--predictions", path, "-o", run)
    assert (run / "audit.json").read_bytes() == before
    succeeded("audit", "--predictions", path, "-o", run, "--overwrite", "--attributes", "tone", *SLIM)
    assert load_audit(run).run.attributes == ("tone",)
    assert left_in(tmp_path) == ["run", "table.csv"]


def test_an_audit_that_fails_leaves_the_old_run_whole(tmp_path, table_file):
    path, run = table_file(), tmp_path / "run"
    succeeded("audit", "--predictions", path, "-o", run, *SLIM)
    refusal("audit", "--predictions", path, "-o", run, "--overwrite", "--attributes", "nothing")
    assert load_audit(run).run.attributes == ("tone", "place")


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_a_folder_that_is_not_ours_is_never_replaced(tmp_path, table_file, overwrite):
    mine = tmp_path / "holiday"
    mine.mkdir()
    (mine / "photo.txt").write_text("irreplaceable")
    for words in (["audit", "--predictions", table_file()], ["train", "--features", tmp_path / "no-matter"]):
        line = refusal(*words, "-o", mine, *overwrite)
        assert "holiday exists" in line
    assert (mine / "photo.txt").read_text() == "irreplaceable"


def test_a_demo_does_not_replace_a_folder_that_is_not_ours(tmp_path):
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / "photo.txt").write_text("irreplaceable")
    assert "refusing to replace it" in refusal("demo", "--table", "-o", tmp_path)
    assert left_in(tmp_path) == ["probe"]


def test_an_empty_folder_may_be_used(tmp_path, table_file):
    (tmp_path / "run").mkdir()
    succeeded("audit", "--predictions", table_file(), "-o", tmp_path / "run", *SLIM)
    load_audit(tmp_path / "run")


def test_a_file_where_the_run_should_go_is_refused(tmp_path, table_file):
    (tmp_path / "run").write_text("a file")
    for more in ([], ["--overwrite"]):
        assert "run exists" in refusal("audit", "--predictions", table_file(), "-o", tmp_path / "run", *more)
    assert (tmp_path / "run").read_text() == "a file"


# Full disks and kills


@pytest.mark.parametrize("limit", [300, 30_000, 1_000_000])
def test_a_disk_that_fills_during_an_audit_leaves_nothing(tmp_path, table_file, limit):
    path = table_file()
    with full_disk(limit):
        line = refusal("audit", "--predictions", path, "-o", tmp_path / "run", *SLIM)
    assert "too large" in line or "space" in line
    assert left_in(tmp_path) == ["table.csv"]


def test_a_disk_that_fills_during_an_overwrite_keeps_the_old_run(tmp_path, table_file):
    path, run = table_file(), tmp_path / "run"
    succeeded("audit", "--predictions", path, "-o", run, *SLIM)
    with full_disk(1_000_000):
        refusal("audit", "--predictions", path, "-o", run, "--overwrite", "--attributes", "tone", *SLIM)
    assert load_audit(run).run.attributes == ("tone", "place")
    assert left_in(tmp_path) == ["run", "table.csv"]


def test_a_disk_that_fills_during_a_new_report_keeps_the_old_report(tmp_path, finished):
    run = shutil.copytree(finished, tmp_path / "run")
    before = (run / "report.html").read_bytes()
    with full_disk(1_000_000):
        refusal("report", run)
    assert (run / "report.html").read_bytes() == before
    assert [name for name in left_in(run) if "partial" in name] == []


def test_a_disk_that_fills_during_training_leaves_nothing(tmp_path):
    root = small_tree(tmp_path / "features", each=20)
    with full_disk(50_000):
        refusal("train", "--features", root, "-o", tmp_path / "probe", "--epochs", 1, "--batch", 8)
    assert left_in(tmp_path) == ["features"]


def test_a_reader_that_has_enough_is_no_error(tmp_path, finished):
    run = shutil.copytree(finished, tmp_path / "run")
    words = [sys.executable, "-m", "affect_workbench", "review", str(run)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.close()
        assert listing.stderr.read() == b""
        assert listing.wait() == 0


@pytest.fixture
def told(tmp_path_factory):
    """A folder for what a stopped command prints."""
    return tmp_path_factory.mktemp("told")


@pytest.mark.parametrize(
    "where",
    [
        r"open .*/\.run\.partial-\d+/report\.html$",
        r"open .*/\.run\.partial-\d+/\.COMPLETE",
        r"os\.rename .*/\.run\.partial-\d+$",
    ],
    ids=["while files are written", "before the marker", "before the last rename"],
)
def test_a_kill_in_mid_write_leaves_no_run_and_the_next_one_works(tmp_path, told, finished, table_file, where):
    runs = tmp_path / "runs"
    shutil.copytree(finished, runs / "old")
    words = ["audit", "--predictions", table_file(), "-o", runs / "run", *SLIM]
    ended = stopped(signal.SIGKILL, where, words, told=told)
    assert ended.code == -signal.SIGKILL, ended.err
    (partial,) = [item for item in runs.iterdir() if "partial" in item.name]
    assert (partial / "audit.json").is_file(), "the kill came before anything was written"
    assert finished_under(runs, "audit.json") == [runs / "old"]
    assert not (runs / "run").exists()
    succeeded(*words)
    assert left_in(runs) == ["old", "run"]
    load_audit(runs / "run")


def test_a_kill_during_an_overwrite_keeps_the_old_run(tmp_path, told, table_file):
    path, run = table_file(), tmp_path / "run"
    succeeded("audit", "--predictions", path, "-o", run, *SLIM)
    words = ["audit", "--predictions", path, "-o", run, "--overwrite", "--attributes", "tone", *SLIM]
    ended = stopped(signal.SIGKILL, r"open .*/\.run\.partial-\d+/\.COMPLETE", words, told=told)
    assert ended.code == -signal.SIGKILL, ended.err
    assert load_audit(run).run.attributes == ("tone", "place")


def test_an_interrupt_is_one_line_and_leaves_nothing(tmp_path, told, table_file):
    words = ["audit", "--predictions", table_file(), "-o", tmp_path / "run", *SLIM]
    outcome = stopped(signal.SIGINT, r"open .*/\.run\.partial-\d+/report\.html$", words, told=told)
    assert outcome.code == 2
    assert outcome.error_lines == ["workbench audit: error: interrupted; nothing half-written was kept"]
    assert left_in(tmp_path) == ["table.csv"]


# What an audit of anyone's predictions does


def test_an_audit_of_predictions_loads_no_model_library(tmp_path, table_file):
    code = """
import sys
from affect_workbench.workbench.__main__ import main
assert main(sys.argv[1:]) == 0
print("loaded", *sys.modules)
"""
    words = ["audit", "--predictions", str(table_file()), "-o", str(tmp_path / "run"), *map(str, SLIM)]
    ended = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    loaded = set(ended.stdout.split("loaded ")[1].split())
    assert "affect_workbench.analyses.audit.run" in loaded
    assert not {"torch", "transformers", "open_clip", "streamlit", "affect_workbench.probes.training.fit"} & loaded


@pytest.mark.parametrize(("bias", "code"), [(0.6, 1), (0.0, 0)])
def test_fail_on_skew_is_a_gate(tmp_path, table_file, bias, code):
    words = ["audit", "--predictions", table_file(bias=bias, n=1_500), "--attributes", "tone", *SLIM]
    gated = workbench(*words, "-o", tmp_path / "gated", "--fail-on-skew")
    assert gated.code == code
    assert "report.html" in gated.out
    assert (load_audit(tmp_path / "gated").count("skewed") > 0) is bool(code)
    assert workbench(*words, "-o", tmp_path / "ungated").code == 0


def test_settings_from_a_file_make_the_same_audit_as_flags(tmp_path, table_file):
    path = table_file()
    (tmp_path / "audit.toml").write_text(
        f'predictions = "{path}"\nout = "{tmp_path / "file"}"\nattributes = ["tone"]\nmap-pictures = 0\nmin-count = 20\n'
        "additional-analyses = false\nspace-pictures = 0\n"
    )
    succeeded("audit", "--config", tmp_path / "audit.toml")
    flags = ["--attributes", "tone", "--map-pictures", 0, "--min-count", 20]
    flags += ["--no-additional-analyses", "--space-pictures", 0]
    succeeded("audit", "--predictions", path, "-o", tmp_path / "flags", *flags)
    by_file, by_flags = (json.loads((tmp_path / name / "audit.json").read_text()) for name in ("file", "flags"))
    assert by_file["findings"] == by_flags["findings"]
    assert by_file["run"]["config"] == by_flags["run"]["config"]


def test_the_run_keeps_the_exact_command(tmp_path, table_file, monkeypatch):
    table_file("my table.csv")
    monkeypatch.chdir(tmp_path)
    succeeded("audit", "--predictions", "my table.csv", "-o", "run", *SLIM)
    expected = "workbench audit --predictions 'my table.csv' -o run " + " ".join(map(str, SLIM))
    assert load_audit("run").run.provenance["command"] == expected
    assert expected.replace("'", "&#39;") in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_a_report_can_go_elsewhere(tmp_path, finished):
    run = shutil.copytree(finished, tmp_path / "run")
    outcome = succeeded("report", run, "-o", tmp_path / "deep" / "page.html")
    assert outcome.out == f"report: {tmp_path / 'deep' / 'page.html'}\n"
    assert (tmp_path / "deep" / "page.html").read_bytes() == (run / "report.html").read_bytes()


def test_features_from_a_table_beside_an_array_can_be_trained_on(tmp_path):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"key": [f"p{number}" for number in range(40)], "label": ["joy", "anger"] * 20})
    rows.to_csv(tmp_path / "mine.csv", index=False)
    np.save(tmp_path / "mine.npy", rng.standard_normal((40, 4)))
    words = ["train", "--features", tmp_path / "mine.csv", "-o", tmp_path / "probe", "--epochs", 1]
    assert "40 pictures" in succeeded(*words, "--id-column", "key").out
    line = refusal(*words, "--overwrite", "--id-column", "kee")
    assert "has no column 'kee' for the ids; its columns: key, label" in line


def test_labels_that_never_meet_are_refused_once_and_named_in_the_output(tmp_path):
    rows = predictions_table(60, scores=False)
    sentences = [f"Picture {at} shows a mood." for at in range(60)]
    apart = "warning: nothing is audited: the true labels and the predictions never meet\n"
    for given, out, why in (
        (rows.assign(label="calm"), apart, "no label in common: 'label' holds 'calm'"),
        (rows.assign(predicted=sentences), apart, "'predicted' holds sentences"),
        (rows.assign(predicted=[*sentences[:50], *rows["label"][50:]]), "", "'predicted' holds sentences"),
        (rows.drop(columns="label").assign(predicted=sentences), "", "'predicted' holds sentences"),
    ):
        given.to_csv(tmp_path / "t.csv", index=False)
        ended = workbench("audit", "--predictions", tmp_path / "t.csv", "-o", tmp_path / "run")
        assert (ended.code, ended.out, ended.err.count(why)) == (2, out, 1)
    scored = predictions_table(60).assign(label="calm").drop(columns="predicted", errors="ignore")
    scored.to_csv(tmp_path / "t.csv", index=False)
    ended = workbench("audit", "--predictions", tmp_path / "t.csv", "-o", tmp_path / "run")
    assert (ended.code, ended.out) == (2, apart)
