"""How do tests run the command line, and where do they get small tables and finished runs from?"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "workbench" / "app.py"
EKMAN = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
SLIM = ("--map-pictures", 0, "--order", 1, "--no-additional-analyses", "--space-pictures", 0)
"""Options of an audit that asks nothing but its cells, for tests of something else."""
CELLS: Mapping[str, Any] = {"further": False, "space_pictures": 0}
"""The same for `audited`, intersections included."""
PRELOADED = ("affect_workbench.workbench.audit.command", "affect_workbench.workbench.report.html", "plotly.graph_objects")
"""What an audit imports: once for all processes that are stopped, each of which is a fork of one that never ran anything."""
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><h1>out</h1>",
    '"><img src=x onerror=alert(1)>',
    'a & b\'s <b>"c"</b> {{ 7*7 }} %{x} `d` *e* _f_ $g$',
)
"""Values that would run, break out, or format something, if a page forgot to escape them."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def error_lines(self) -> list[str]:
        """What a terminal still shows of standard error: a progress bar wipes itself with carriage returns."""
        shown = [line.rstrip("\r").rpartition("\r")[2] for line in self.err.split("\n")]
        return [line for line in shown if line.strip()]


@dataclass(frozen=True)
class DemoRun:
    """What `workbench demo` left: the folders, and what it printed."""

    folder: Path
    outcome: Outcome

    @property
    def features(self) -> Path:
        return self.folder / "features"

    @property
    def probe(self) -> Path:
        return self.folder / "probe"

    @property
    def audit(self) -> Path:
        return self.folder / "audit"


@dataclass(frozen=True)
class AttachedModel:
    """What `workbench attach` left of a tiny model, and what it printed."""

    folder: Path
    outcome: Outcome

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest"

    @property
    def run(self) -> Path:
        return self.folder / "run"


def workbench(*words: object) -> Outcome:
    """Runs `workbench WORDS` in this process."""
    from affect_workbench.workbench.__main__ import main

    out, err = io.StringIO(newline=""), io.StringIO(newline="")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:  # argparse leaves this way
            code = int(stop.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())


def succeeded(*words: object) -> Outcome:
    """The same for a command that must work."""
    outcome = workbench(*words)
    assert outcome.code == 0, outcome.err
    return outcome


def launched(*words: object, program: tuple[str, ...] = ("-m", "affect_workbench")) -> subprocess.CompletedProcess[str]:
    """Two processes on the CPU, which `accelerate launch --cpu` does not start: it counts devices."""
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        *program,
        *map(str, words),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1", "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300, check=False)


def refusal(*words: object) -> str:
    """The error line of a command that must be refused: exit code 2, exactly one line on standard error, no traceback."""
    outcome = workbench(*words)
    assert outcome.code == 2, f"exit code {outcome.code}: {outcome.out}"
    assert len(outcome.error_lines) == 1, outcome.err
    line = outcome.error_lines[0]
    assert line.startswith(("workbench: error: ", f"workbench {words[0]}: error: ")), line
    assert "Traceback" not in outcome.err
    return line


def stopped(how: signal.Signals, where: str, words: list[object], *, told: Path) -> Outcome:
    """`workbench WORDS` in a process of its own, sent a signal the moment Python opens or renames a path that fits.

    Args:
        how: the signal; the code of a process that it ended is its negative number.
        where: a pattern of `EVENT PATH`, as `sys.addaudithook` tells them.
        words: of the command.
        told: a folder that is there, for what the command prints.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    out, err = told / "stdout", told / "stderr"
    process = context.Process(target=_until_stopped, args=(how, where, [str(word) for word in words], str(out), str(err)))
    process.start()
    process.join()
    assert process.exitcode is not None
    return Outcome(process.exitcode, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))


def _until_stopped(how: int, where: str, words: list[str], out: str, err: str) -> None:
    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    from affect_workbench.workbench.__main__ import main

    pattern = re.compile(where)
    if how == signal.SIGINT:
        signal.signal(how, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if pattern.search(f"{event} {arguments[0]}" if arguments else event):
            os.kill(os.getpid(), how)

    sys.addaudithook(hook)
    sys.exit(main(words))


def predictions_table(
    n: int = 400,
    *,
    labels: tuple[str, ...] = EKMAN,
    attributes: Mapping[str, tuple[Any, ...]] | None = None,
    bias: float = 0.5,
    scores: bool = True,
    seed: int = 0,
) -> pd.DataFrame:
    """Somebody's predictions: ids, `predicted`, `label`, scores, and attributes with equally frequent values.

    The first value of the first attribute is predicted as the first label in a share `bias` of its pictures.
    """
    rng = np.random.default_rng(seed)
    attributes = attributes or {"tone": ("dark", "light"), "place": ("street", "home", "forest")}
    columns = {
        name: np.array(values, dtype=object)[rng.integers(len(values), size=n)] for name, values in attributes.items()
    }
    truth = rng.integers(len(labels), size=n)
    first, values = next(iter(attributes.items()))
    said = np.where((columns[first] == values[0]) & (rng.random(n) < bias), 0, truth)
    likes = rng.dirichlet(np.ones(len(labels)), n) / 2
    likes[np.arange(n), said] += 0.5
    names = np.array(labels, dtype=object)
    return pd.DataFrame(
        {"image_id": [f"picture-{number:05d}" for number in range(n)], "predicted": names[said], "label": names[truth]}
        | columns
        | ({f"score_{label}": likes[:, number] for number, label in enumerate(labels)} if scores else {})
    )


def audited(table: pd.DataFrame, *, map_pictures: int = 0, **config: Any) -> Any:
    """An `AuditResult` of a table of predictions, without a map unless asked."""
    from affect_workbench.analyses.audit.config import AuditConfig
    from affect_workbench.analyses.audit.run import run_audit
    from affect_workbench.data.predictions import predictions_from_table

    return run_audit(predictions_from_table(table), AuditConfig(map_pictures=map_pictures, **({"draws": 99} | config)))


def finished_run(folder: Path, table: pd.DataFrame, **config: Any) -> Path:
    """A run folder with its report, of a table of predictions; without a map unless asked."""
    from affect_workbench.workbench.report.html import report_html
    from affect_workbench.workbench.runs.store import save_audit

    result = audited(table, **config)
    save_audit(result, folder, report=report_html(result))
    return folder


def app_on(monkeypatch: Any, folder: Path | str = "", *, runs: Path | str = "nowhere") -> Any:
    """The app as `workbench app FOLDER --runs RUNS` opens it, without a browser; it has run once and nothing went wrong."""
    from streamlit.testing.v1 import AppTest

    for name, value in (("RUN", folder), ("RUNS", runs), ("LABELS", "nowhere")):
        monkeypatch.setenv(f"WORKBENCH_{name}", str(value))
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception, [error.message for error in app.exception]
    return app


def said_by(app: Any) -> str:
    """Everything that a page says, without the signs that keep Markdown from reading data as its own."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


@contextlib.contextmanager
def served_app(
    log: Path, *, python: Path | str = sys.executable, app: Path = APP, cwd: Path = ROOT, **chosen: str
) -> Iterator[str]:
    """The address of a real `streamlit run workbench/app.py`, with its output in `log`, which may hold no traceback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(python), "-m", "streamlit", "run", str(app), "--server.headless", "true"]
    with log.open("w") as out:
        server = subprocess.Popen(
            [*command, "--server.port", str(port)],
            cwd=cwd,
            env=os.environ | {"HOME": str(log.parent)} | chosen,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("localhost", port)) == 0:
                    break
            assert server.poll() is None, log.read_text()
            time.sleep(0.1)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(20)
    assert "Traceback" not in log.read_text()
