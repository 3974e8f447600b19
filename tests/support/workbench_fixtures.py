"""Finished runs that several test files open: made once for all workers, by the real commands.

A plugin: a test file asks for it with `pytest_plugins = ["workbench_fixtures"]` and never imports it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from affect_workbench.data.storage.locks import alone
from workbench_runs import HOSTILE, AttachedModel, DemoRun, Outcome, finished_run, predictions_table, succeeded


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first worker to ask for it makes; the others wait for it. Whoever opens it leaves it as it is."""
    own = tmp_path_factory.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = common / f"made-once-{name}"
    with alone(common / f"{folder.name}.lock"):
        if not (folder / "MADE").exists():
            make(folder)
            (folder / "MADE").touch()
    return folder


def demo_run(tmp_path_factory: pytest.TempPathFactory, name: str, *words: object, table: bool = True) -> DemoRun:
    """What `workbench demo`, of a table or of drawn pictures, leaves and prints with these words."""

    def make(folder: Path) -> None:
        outcome = succeeded("demo", *(["--table"] if table else []), "-o", folder / "run", *words, "--no-show")
        (folder / "outcome.json").write_text(json.dumps(asdict(outcome)), encoding="utf-8")

    folder = made_once(tmp_path_factory, name, make)
    return DemoRun(folder / "run", Outcome(**json.loads((folder / "outcome.json").read_text(encoding="utf-8"))))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """`workbench demo --table` with 2,500 audited pictures, map included."""
    return demo_run(tmp_path_factory, "biased", "--pictures", 2_500)


@pytest.fixture(scope="session")
def quiet_demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """`workbench demo --table --no-bias` with 800 audited pictures, map included."""
    return demo_run(tmp_path_factory, "quiet", "--no-bias", "--pictures", 800)


@pytest.fixture(scope="session")
def drawn_demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """`workbench demo` with 600 drawn pictures, half of them audited."""
    return demo_run(tmp_path_factory, "drawn", "--pictures", 600, table=False)


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of an audit whose names would run, break out, or format something."""

    def make(folder: Path) -> None:
        attributes = {HOSTILE[0]: HOSTILE, "place": ("x", "y")}
        table = predictions_table(400, labels=(*HOSTILE, "joy"), attributes=attributes, bias=0.9)
        table["image_id"] = [f"{HOSTILE[number % 4]} {number}" for number in range(400)]
        finished_run(folder / "run", table, map_pictures=14)

    return made_once(tmp_path_factory, "hostile", make) / "run"


@pytest.fixture(scope="session")
def demo_result(demo: DemoRun) -> Any:
    """The demo's audit, opened from its run folder."""
    from affect_workbench.workbench.runs.store import load_audit

    return load_audit(demo.audit)


@pytest.fixture(scope="session")
def nasty_big_result(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An audit that is hard on a page, opened from its run folder."""
    from affect_workbench.workbench.runs.store import load_audit, save_audit
    from pages import nasty_big_result

    folder = made_once(tmp_path_factory, "nasty-big", lambda folder: save_audit(nasty_big_result(), folder / "run"))
    return load_audit(folder / "run")


ATTACHED_PLACES = ("connector.in", "connector.out", "layers.1", "last")


@pytest.fixture(scope="session")
def attached_model(tmp_path_factory: pytest.TempPathFactory) -> AttachedModel:
    """`workbench attach` of a tiny LLaVA at four places, with 90 drawn pictures, and its camera erased."""
    from affect_workbench.data.synthetic.scenes.dataset import write_scenes
    from tiny_multimodal import tiny_model

    def make(folder: Path) -> None:
        write_scenes(folder / "world", train=60, test=30, seed=1, progress=False).save(folder / "manifest")
        erased = ("--erase", "camera", "--erase-pictures", 60)
        given = ("--pictures", folder / "manifest", "--no-projector", "--at", *ATTACHED_PLACES)
        outcome = succeeded("attach", tiny_model("llava", folder / "model"), *given, *erased, "-o", folder / "run")
        (folder / "outcome.json").write_text(json.dumps(asdict(outcome)), encoding="utf-8")

    folder = made_once(tmp_path_factory, "attached", make)
    return AttachedModel(folder, Outcome(**json.loads((folder / "outcome.json").read_text(encoding="utf-8"))))


@pytest.fixture
def table_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a table of predictions as CSV and returns its path."""

    def write(name: str = "table.csv", **options: Any) -> Path:
        predictions_table(**options).to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return write
