"""The action and the hooks of the repository: their own command lines, run as GitHub and pre-commit would."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workbench_runs import finished_run, predictions_table, workbench

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A repository with tables of predictions, and `workbench` on its path."""
    for name, bias in (("biased", 0.6), ("fair", 0.0)):
        predictions_table(300, bias=bias, scores=False).to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "workbench"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m affect_workbench "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def action():
    return yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def step(name, place, **environment):
    """The exit code of a step of the action, run by bash as GitHub runs it."""
    (found,) = [one for one in action()["runs"]["steps"] if one.get("name") == name]
    assert environment.keys() == found["env"].keys()
    assert "${{" not in found["run"]  # what a pull request can name never becomes part of the script
    outputs = {"GITHUB_OUTPUT": str(place / "outputs")}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]]
    return subprocess.run(command, env=os.environ | environment | outputs, check=False, capture_output=True).returncode


def test_the_action_fails_on_a_skew_and_leaves_what_it_promises(place):
    given = {"ATTRIBUTES": "", "OUT": "runs/a b"}
    assert step("audit", place, PREDICTIONS="biased.csv", FAIL_ON="skewed:0.05", **given) == 1
    outputs = dict(line.split("=", 1) for line in (place / "outputs").read_text().splitlines())
    assert outputs.keys() == action()["outputs"].keys()
    assert all((place / path).is_file() for path in outputs.values())
    assert step("audit", place, PREDICTIONS="fair.csv", FAIL_ON="skewed:0.05", **given) == 0


def test_the_action_compares_with_the_model_in_use(place):
    for name in ("biased", "fair"):
        table = predictions_table(300, bias=0.6 if name == "biased" else 0.0, scores=False)
        finished_run(place / name, table, further=False, space_pictures=0)
    assert step("compare with the model in use", place, BASELINE="fair", OUT="biased") == 1
    assert (place / "biased-compare" / "compare.html").is_file()
    assert step("compare with the model in use", place, BASELINE="biased", OUT="fair") == 0


def test_every_input_of_the_action_is_used_and_described():
    text, inputs = (ROOT / "action.yml").read_text(encoding="utf-8"), action()["inputs"]
    assert all(f"inputs.{name} " in text for name in inputs)
    assert all(one["description"] for one in (*inputs.values(), *action()["outputs"].values()))
    assert all(one.get("shell") == "bash" for one in action()["runs"]["steps"] if "run" in one)


def test_the_hooks_fail_on_a_skew_and_on_one_that_grew(place):
    hooks = {one["id"]: one for one in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}

    def code(name):
        assert hooks[name]["pass_filenames"] is False
        program, *words = [*shlex.split(hooks[name]["entry"]), *hooks[name]["args"]]
        assert program == "workbench"
        return workbench(*words).code

    os.rename("fair.csv", "predictions.csv")
    assert code("bias-audit") == 0
    os.rename(".bias-audit", "baseline")
    os.replace("biased.csv", "predictions.csv")
    assert code("bias-audit") == 1
    assert code("bias-compare") == 1
    os.replace("baseline", "earlier")
    os.rename(".bias-audit", "baseline")
    os.rename("earlier", ".bias-audit")
    assert code("bias-compare") == 0
