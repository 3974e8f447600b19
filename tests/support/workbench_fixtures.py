"""Finished runs that several test files open: made once a session, by the real commands.

A plugin: a test file asks for it with `pytest_plugins = ["workbench_fixtures"]` and never imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench_runs import DemoRun, predictions_table, succeeded


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """`workbench demo --table` with 2,500 audited pictures, map included."""
    folder = tmp_path_factory.mktemp("demo") / "biased"
    return DemoRun(folder, succeeded("demo", "--table", "-o", folder, "--pictures", 2_500, "--no-show"))


@pytest.fixture(scope="session")
def quiet_demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """`workbench demo --table --no-bias` with 800 audited pictures, map included."""
    folder = tmp_path_factory.mktemp("demo") / "quiet"
    return DemoRun(folder, succeeded("demo", "--table", "--no-bias", "-o", folder, "--pictures", 800, "--no-show"))


@pytest.fixture(scope="session")
def demo_result(demo: DemoRun) -> Any:
    """The demo's audit, opened from its run folder."""
    from affect_workbench.workbench.runs.store import load_audit

    return load_audit(demo.audit)


@pytest.fixture
def table_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a table of predictions as CSV and returns its path."""

    def write(name: str = "table.csv", **options: Any) -> Path:
        predictions_table(**options).to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return write
