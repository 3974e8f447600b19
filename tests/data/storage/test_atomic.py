"""Is a half-written result ever read as whole? Errors, kills and full disks in mid-write."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from affect_workbench.data.storage.atomic import (
    MARKER,
    atomic_folder,
    ensure_free,
    is_replaceable,
    require_complete,
    write_json,
    write_text,
)

ROOT = Path(__file__).resolve().parents[3]
HALF = "import sys, time\nfrom pathlib import Path\nfrom affect_workbench.data.storage.atomic import atomic_folder\n"
KILLED = HALF + (
    "with atomic_folder(Path(sys.argv[1]), overwrite=True) as folder:\n"
    "    (folder / 'a.txt').write_text('half')\n"
    "    print('written', flush=True)\n"
    "    time.sleep(600)\n"
)
FULL = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n" + HALF
FULL += (
    "with atomic_folder(Path(sys.argv[1]), overwrite=True) as folder:\n    (folder / 'a.txt').write_text('x' * 100_000)\n"
)


def write(path: Path, text: str, *, overwrite: bool = False) -> None:
    with atomic_folder(path, overwrite=overwrite) as folder:
        (folder / "deep").mkdir()
        (folder / "a.txt").write_text(text)
        (folder / "deep" / "b.txt").write_text(text)


def half_written(path: Path) -> None:
    with atomic_folder(path, overwrite=True) as folder:
        (folder / "a.txt").write_text("new")
        raise RuntimeError("disk on fire")


def hidden(folder: Path) -> list[str]:
    return [item.name for item in folder.iterdir() if item.name.startswith(".")]


def test_a_whole_folder_is_complete_and_its_marker_vouches_for_every_file(tmp_path: Path) -> None:
    write(tmp_path / "new" / "run", "one")
    require_complete(tmp_path / "new" / "run", what="run")
    marker = json.loads((tmp_path / "new" / "run" / MARKER).read_text())
    assert marker == {"files": {"a.txt": 3, "deep/b.txt": 3}}
    assert hidden(tmp_path / "new") == []


@pytest.mark.parametrize("existing", [False, True])
def test_an_error_in_mid_write_leaves_the_old_result_or_none(tmp_path: Path, existing: bool) -> None:
    run = tmp_path / "run"
    if existing:
        write(run, "old")
    with pytest.raises(RuntimeError, match="disk on fire"):
        half_written(run)
    assert run.exists() == existing
    if existing:
        require_complete(run, what="run")
        assert (run / "a.txt").read_text() == "old"
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("existing", [False, True])
def test_a_kill_in_mid_write_leaves_the_old_result_or_none_and_the_next_write_cleans_up(
    tmp_path: Path, existing: bool
) -> None:
    run = tmp_path / "run"
    if existing:
        write(run, "old")
    with subprocess.Popen([sys.executable, "-c", KILLED, run], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert run.exists() == existing
    (partial,) = (tmp_path / name for name in hidden(tmp_path))
    with pytest.raises(ValueError, match=f"is not a finished run: {MARKER} is missing"):
        require_complete(partial, what="run")
    if existing:
        require_complete(run, what="run")
        assert (run / "a.txt").read_text() == "old"
    write(run, "new", overwrite=True)
    assert ((run / "a.txt").read_text(), hidden(tmp_path)) == ("new", [])


def test_a_full_disk_leaves_the_old_result(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    done = subprocess.run(
        [sys.executable, "-B", "-c", FULL, tmp_path / "run"], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 1
    assert "OSError" in done.stderr
    require_complete(tmp_path / "run", what="run")
    assert ((tmp_path / "run" / "a.txt").read_text(), hidden(tmp_path)) == ("old", [])


def test_a_result_is_replaced_only_on_request_and_only_if_it_is_ours(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    with pytest.raises(FileExistsError, match="exists: choose another folder, or pass --overwrite"):
        write(tmp_path / "run", "new")
    write(tmp_path / "run", "new", overwrite=True)
    assert (tmp_path / "run" / "a.txt").read_text() == "new"
    foreign = tmp_path / "photos"
    foreign.mkdir()
    assert is_replaceable(foreign)
    ensure_free(foreign, overwrite=False)
    (foreign / "holiday.jpg").write_text("")
    assert not is_replaceable(foreign)
    with pytest.raises(FileExistsError, match="was not written by the workbench"):
        write(foreign, "new", overwrite=True)
    with pytest.raises(FileExistsError, match="was not written by the workbench"):
        ensure_free(foreign / "holiday.jpg", overwrite=True)
    assert (foreign / "holiday.jpg").exists()


def test_derived_files_may_be_made_again(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "run", derived=["report.html"]) as folder:
        (folder / "report.html").write_text("one")
    (tmp_path / "run" / "report.html").write_text("a longer one")
    require_complete(tmp_path / "run", what="run")


def test_lost_shortened_and_missing_results_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path / "run", "whole")
    (tmp_path / "run" / "a.txt").write_text("who")
    with pytest.raises(ValueError, match=r"the run at .* is damaged: a.txt has 3 bytes, 5 were written"):
        require_complete(tmp_path / "run", what="run")
    (tmp_path / "run" / "a.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"the run at .* has lost its file a.txt"):
        require_complete(tmp_path / "run", what="run")
    with pytest.raises(FileNotFoundError, match=r"no run at .*: the folder does not exist"):
        require_complete(tmp_path / "none", what="run")


def test_an_unreadable_marker_is_called_unfinished(tmp_path: Path) -> None:
    write(tmp_path / "run", "whole")
    (tmp_path / "run" / MARKER).write_text("")
    with pytest.raises(ValueError, match="is not a finished run"):
        require_complete(tmp_path / "run", what="run")


def test_a_refused_record_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "record.json"
    write_json(file, {"b": "é", "a": [1.5]})
    assert file.read_text(encoding="utf-8") == '{\n  "b": "é",\n  "a": [\n    1.5\n  ]\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(file, {"x": float("nan")})
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        write_text(file, "\ud800")
    assert json.loads(file.read_text(encoding="utf-8")) == {"b": "é", "a": [1.5]}
    assert hidden(file.parent) == []
