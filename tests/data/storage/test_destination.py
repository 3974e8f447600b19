"""Is a run whole or absent whatever kills its writer, and does nothing that people wrote go with a result?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import affect_workbench.data.storage.atomic
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.storage.atomic import MARKER, atomic_folder, require_complete
from affect_workbench.data.storage.destination import claimed, ensure_free
from affect_workbench.data.storage.leftovers import discard, put_aside
from affect_workbench.data.storage.locks import locked
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.workbench.audit.exports.findings import audit_findings, write_findings
from affect_workbench.workbench.audit.settings import AuditSettings, CompareSettings
from affect_workbench.workbench.interface.claiming import ensure_apart
from affect_workbench.workbench.runs.files import RUN_FILES
from affect_workbench.workbench.runs.gate import audit_gate
from affect_workbench.workbench.runs.reviews import (
    REVIEW_LOCK,
    Review,
    carried_reviews,
    load_reviews,
    review_of,
    save_review,
)
from affect_workbench.workbench.runs.store import load_audit, save_audit
from workbench_runs import CELLS, audited, predictions_table, refusal

ROOT = Path(__file__).resolve().parents[3]
KILLED = 9


@pytest.fixture(scope="module")
def result() -> AuditResult:
    return replace(audited(predictions_table(60), **CELLS), tables={})


@pytest.fixture(scope="module")
def earlier(result, tmp_path_factory) -> Path:
    """A run that somebody has reviewed."""
    run = tmp_path_factory.mktemp("earlier") / "run"
    save_audit(result, run, beside=partial(write_findings, audit_findings(result, audit_gate(""))))
    save_review(decision(result, "Ana"), run)
    return run


@pytest.fixture
def run(earlier, tmp_path) -> Path:
    return Path(shutil.copytree(earlier, tmp_path / "run"))


def decision(result: AuditResult, reviewer: str) -> Review:
    return review_of(result, 0, decision="confirmed", reviewer=reviewer)


def reviewers(run: Path) -> list[str]:
    return [review.reviewer for review in load_reviews(run)]


def remarks(run: Path) -> str:
    """What the run says, all of whose files are there."""
    require_complete(run, what="run")
    return "".join(json.loads((run / "audit.json").read_text(encoding="utf-8"))["run"].get("remarks", ()))


def newer(result: AuditResult) -> AuditResult:
    return replace(result, run=replace(result.run, provenance={"remarks": ["newer"]}))


def save(result: AuditResult, run: Path) -> None:
    save_audit(newer(result), run, beside=partial(write_findings, audit_findings(result, audit_gate(""))), overwrite=True)


def killed_at_rename(number: int, *, before: bool, work) -> int:
    """Does the work in a child process that dies before or after its n-th rename; its exit code, 0 if it has fewer."""
    child = os.fork()
    if child == 0:
        count, rename = [0], os.replace

        def counted(*names, **more):
            count[0] += 1
            if count[0] == number and before:
                os._exit(KILLED)
            rename(*names, **more)
            if count[0] == number:
                os._exit(KILLED)

        os.replace = os.rename = counted
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_kill_at_any_rename_leaves_a_whole_run_and_every_review(result, earlier, tmp_path, before):
    seen, number, code = set(), 0, KILLED
    while code == KILLED:
        number += 1
        run = Path(shutil.copytree(earlier, tmp_path / str(number) / "run"))
        code = killed_at_rename(number, before=before, work=lambda run=run: save(result, run))
        seen.add(remarks(run))  # a run that had been put aside is back when it is asked for
        assert reviewers(run) == ["Ana"]
        save(result, run)
        assert (remarks(run), reviewers(run)) == ("newer", ["Ana"])
        assert [item.name for item in run.parent.iterdir()] == ["run"], f"after a kill at rename {number}"
    assert code == 0
    assert number > 6, "the files of a run, its marker, and the renames that replace it"
    assert seen == {"", "newer"}
    load_audit(run)


def test_a_first_run_is_whole_or_absent_at_any_rename(result, tmp_path):
    number, code = 0, KILLED
    while code == KILLED:
        number += 1
        run = tmp_path / str(number) / "run"
        code = killed_at_rename(number, before=True, work=lambda run=run: save(result, run))
        assert run.exists() == (code == 0)
    require_complete(run, what="run")
    listed = json.loads((run / MARKER).read_text())["files"]
    assert {"findings.json", "junit.xml", "audit.json"} <= set(listed)


def test_findings_that_cannot_be_written_leave_no_run(result, tmp_path, monkeypatch):
    def fails(*_):
        raise OSError("disk on fire")

    monkeypatch.setattr("affect_workbench.workbench.audit.exports.findings.write_bytes", fails)
    with pytest.raises(OSError, match="disk on fire"):
        save(result, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_reviews_beside_a_newer_run_are_taken_over_before_they_go(result, run):
    aside = Path(shutil.copytree(run, run.with_name(f".run.partial-{2**22 + 1}-replaced")))
    (run / "review.json").unlink()
    save_review(decision(result, "Bo"), run)
    with atomic_folder(run.with_name("other")):  # of another folder: not its to clear away
        pass
    assert put_aside(run) == [aside]
    with pytest.raises(FileExistsError, match="exists: choose another folder"):
        save_audit(result, run)
    assert aside.exists()
    save(result, run)
    assert sorted(reviewers(run)) == ["Ana", "Bo"]
    assert not aside.exists()


def test_a_run_that_was_put_aside_is_back_for_whoever_reads_it(run):
    os.replace(run, run.with_name(f".run.partial-{2**22 + 1}-replaced"))
    assert [review.reviewer for review in carried_reviews(run.with_name("new"), run)] == ["Ana"]
    assert [item.name for item in run.parent.iterdir()] == ["run"]


def test_a_review_during_a_replacement_goes_into_the_new_run(result, run, tmp_path):
    with locked(run / REVIEW_LOCK, wait=False):
        person = threading.Thread(target=save_review, args=(decision(result, "Cy"), run))
        person.start()
        time.sleep(0.1)  # waits for the lock by now; if not yet, it must find the new run all the same
        new = Path(shutil.copytree(run, tmp_path / "new"))
        os.replace(run, tmp_path / "old")
        os.replace(new, run)
    person.join()
    assert reviewers(run) == ["Ana", "Cy"]


def test_a_replacement_that_fails_between_its_renames_puts_the_run_back(result, run, monkeypatch):
    renamed = os.replace

    def fails(source, target):
        if Path(target) == run and "replaced" not in str(source):
            raise KeyboardInterrupt
        renamed(source, target)

    monkeypatch.setattr(affect_workbench.data.storage.atomic.os, "replace", fails)
    with pytest.raises(KeyboardInterrupt):
        save(result, run)
    monkeypatch.undo()
    assert reviewers(run) == ["Ana"]
    assert [item.name for item in run.parent.iterdir()] == ["run"]


# What is replaced, and what is not


def test_files_that_a_result_does_not_list_are_never_replaced(result, run):
    ensure_free(run, overwrite=True, known=RUN_FILES)
    with pytest.raises(FileExistsError, match=r"holds 1 file that is not part of its result, first 'review.json'"):
        ensure_free(run, overwrite=True)  # by what is no audit
    (run / "labels.csv").write_text("a morning's work")
    with pytest.raises(FileExistsError, match=r"first 'labels\.csv': to replace it would delete what is not its own"):
        save(result, run)
    assert (run / "labels.csv").read_text() == "a morning's work"


def test_a_link_is_followed(result, run):
    link = run.with_name("latest")
    link.symlink_to(run, target_is_directory=True)
    save(result, link)
    assert link.is_symlink()
    assert remarks(run) == "newer"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (".", "is the folder you are in, or one above it: name a new folder, such as runs/audit$"),
        ("..", "is the folder you are in, or one above it"),
        ("/", "^/ is the folder you are in, or one above it: name a new folder, such as runs/audit$"),
        ("file", "exists and is a file: choose another folder"),
        ("file/run", r"file/run cannot be written: .*file is a file; choose another place"),
        ("/proc", "is a mount point"),
        ("x" * 250, "has 250 bytes: expected at most"),
    ],
)
def test_places_that_cannot_be_written_are_refused_before_any_work(tmp_path, monkeypatch, place, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises((ValueError, OSError), match=message), claimed(Path(place), overwrite=False):
        raise AssertionError("work was begun")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
    line = refusal("audit", "--predictions", "no-such-table.csv", "-o", place)
    assert "no-such-table" not in line


def test_a_place_that_is_read_only_is_refused_before_any_work(tmp_path):
    """In a mount of its own: permissions do not stop whoever runs as root."""
    (tmp_path / "out").mkdir()
    mounted = f"mount --bind '{tmp_path}/out' '{tmp_path}/out' && mount -o remount,ro,bind '{tmp_path}/out'"
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-m", "sh", "-c", mounted], capture_output=True).returncode
    ):
        pytest.skip("no read-only mount can be made here (unshare -m, mount --bind)")
    code = "from pathlib import Path; from affect_workbench.data.storage.destination import claimed\n"
    code += f"with claimed(Path('{tmp_path}/out/runs/run'), overwrite=False): print('begun')"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{mounted} && exec "$0" -c "$1"', sys.executable, code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "begun" not in done.stdout
    assert "out/runs/run cannot be written: Read-only file system" in done.stderr


def test_what_is_read_is_not_written_over(run, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("")
    (tmp_path / "tone").mkdir()
    asked = AuditSettings(out=str(run), predictions=str(table), attributes=("tone",), overwrite=True)
    ensure_apart(asked)
    ensure_apart(replace(asked, review_from=str(run)))
    ensure_apart(replace(asked, out=str(tmp_path / "tone")))  # the name of an attribute, and of a folder
    with pytest.raises(ValueError, match=r"lies inside .*, which --run-a reads: choose a folder outside"):
        ensure_apart(CompareSettings(run_a=str(run), run_b=str(run), out=str(run / "compare")))
    with pytest.raises(ValueError, match="is what --run-b reads"):
        ensure_apart(CompareSettings(run_a=str(tmp_path), run_b=str(run), out=str(run)))
    with pytest.raises(ValueError, match="holds what --predictions reads"):
        ensure_apart(replace(asked, out=str(tmp_path)))


# Two writers


def test_a_second_process_is_refused_at_the_start_and_not_after_the_first_was_killed(tmp_path):
    out = tmp_path / "runs" / "run"
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with claimed(out, overwrite=True):
            os.write(write, b"x")
            time.sleep(60)
        os._exit(0)
    os.read(read, 1)
    try:
        line = refusal("audit", "--predictions", "no-such-table.csv", "-o", out, "--overwrite")
        assert f"is being written by another process (process {child} on " in line
        with pytest.raises(FileExistsError, match="is being written by another process"), atomic_folder(out):
            raise AssertionError("work was begun")
    finally:
        os.kill(child, KILLED)
        os.waitpid(child, 0)
    with atomic_folder(out):
        pass
    assert [item.name for item in out.parent.iterdir()] == ["run"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_another_process_wrote_meanwhile_is_kept(tmp_path, overwrite):
    """As on a file system without locks: one that takes no notice of ours writes the same folder, with its marker."""
    out = tmp_path / "run"
    if overwrite:
        with atomic_folder(out):
            pass

    def race():
        with atomic_folder(out, overwrite=overwrite) as partial:
            (partial / "mine").write_text("")
            if out.exists():
                discard(out)
            out.mkdir()
            (out / MARKER).write_text('{"files": {}}')

    with pytest.raises(FileExistsError, match="was written by another process meanwhile, and is kept"):
        race()
    assert [item.name for item in out.iterdir()] == [MARKER]
    assert [item.name for item in tmp_path.iterdir()] == ["run"]


def test_a_claim_inside_a_claim_is_the_same(tmp_path):
    with claimed(tmp_path / "run", overwrite=True) as outer:
        for _ in range(2):
            with atomic_folder(tmp_path / "run", overwrite=True):
                pass
        with claimed(tmp_path / "run", overwrite=True) as inner:
            assert inner is outer
    assert [item.name for item in tmp_path.iterdir()] == ["run"]


# The same kind elsewhere


def test_drawn_pictures_never_have_the_manifest_of_others(tmp_path, monkeypatch):
    write_scenes(tmp_path, train=1, test=1, seed=0, progress=False)

    def fails(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Manifest, "save", fails)
    with pytest.raises(KeyboardInterrupt):
        write_scenes(tmp_path, train=2, test=2, seed=1, overwrite=True, progress=False)
    assert not (tmp_path / "manifest").exists()
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 4
