"""One import name: installed from a wheel or a clone, it works in a folder whose own files have the names of ours."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from workbench_runs import CELLS, SLIM, finished_run, predictions_table, served_app

ROOT = Path(__file__).resolve().parents[1]
BUILT_FROM = ("data", "probes", "analyses", "workbench", "src", "setup.py", "pyproject.toml", "README.md", "LICENSE")
OFFLINE = ("--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
SCRIPT = """
import json
import sys
from pathlib import Path

import affect_workbench as aw
from affect_workbench.data.images.decode import content_id
from affect_workbench.data.images.preprocess import worker_pool

if __name__ == "__main__":
    import pandas as pd

    result = aw.audit(pd.read_csv("table.csv"), order=1, further=False, map_pictures=0, space_pictures=0)
    with worker_pool(2) as pool:
        ids = list(pool.map(content_id, [Path("table.csv"), Path("script.py")]))
    names = {"data", "probes", "analyses", "workbench", "tests"}
    strangers = sorted({name.partition(".")[0] for name in sys.modules} & names)
    print(json.dumps([aw.__file__, len(result.findings), len(set(ids)), strangers]))
"""
PAGE = """
import importlib.util
import streamlit as st
st.write(f"datasets is {importlib.util.find_spec('datasets')}")
"""


@dataclass(frozen=True)
class Installed:
    """An environment of its own in which the package is installed."""

    folder: Path

    def run(self, program: str, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = [str(self.folder / "bin" / program), *map(str, words)]
        return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True)

    @property
    def packages(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found


def environment() -> dict[str, str]:
    """Without the path that the tests may have been started with."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "WORKBENCH"))}


def drawn(address: str) -> str:
    """What the app sends to a browser that opens it."""
    asked, shown = BackMsg(), []
    asked.rerun_script.query_string = ""
    with connect(f"{address.replace('http', 'ws')}/_stcore/stream", max_size=None) as browser:
        browser.send(asked.SerializeToString())
        while True:
            message = ForwardMsg()
            message.ParseFromString(browser.recv(timeout=120))
            shown.append(str(message.delta))
            if message.WhichOneof("type") == "script_finished":
                return "\n".join(shown)


def tree(folder: Path, *, links: bool) -> Path:
    """What the package is built from; without links each is a text file that holds its target, as on Windows or in a zip."""
    folder.mkdir()
    for name in BUILT_FROM:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, target)
    if not links:
        for link in [path for path in (folder / "src" / "affect_workbench").iterdir() if path.is_symlink()]:
            text = os.readlink(link)
            link.unlink()
            link.write_text(text)
    return folder


def install(folder: Path, *words: object) -> Installed:
    """Into a fresh environment that also sees the libraries of this one (but not what is installed there as editable)."""
    venv.create(folder, symlinks=True)
    installed = Installed(folder)
    (installed.packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", *OFFLINE, *words]
    subprocess.run(list(map(str, pip)), check=True, env=environment(), capture_output=True)
    return installed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a tree without symbolic links."""
    folder = tmp_path_factory.mktemp("archive")
    source = tree(folder / "source", links=False)
    pip = [sys.executable, "-m", "pip", "wheel", *OFFLINE, "--wheel-dir", folder, source]
    subprocess.run(list(map(str, pip)), check=True, env=environment(), capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    return tree(tmp_path_factory.mktemp("clone") / "affect-workbench", links=True)


@pytest.fixture(scope="module")
def from_wheel(wheel, tmp_path_factory) -> Installed:
    return install(tmp_path_factory.mktemp("wheel") / "venv", wheel)


@pytest.fixture(scope="module")
def from_clone(clone, tmp_path_factory) -> Installed:
    return install(tmp_path_factory.mktemp("editable") / "venv", "--editable", clone)


@pytest.fixture
def own_folder(tmp_path) -> Path:
    """A folder in which somebody works: with files named like our folders, none of which we may execute."""
    for name in ("data.py", "data/__init__.py", "analyses/__init__.py", "probes.py", "tests/__init__.py", "workbench.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'raise RuntimeError("somebody\'s own {name} was executed")\n')
    predictions_table(300).to_csv(tmp_path / "table.csv", index=False)
    return tmp_path


def test_a_wheel_from_an_archive_without_links_has_one_top_level_name_and_all_its_files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"affect_workbench"}
    inside = {name.removeprefix("affect_workbench/") for name in names}
    builtin = "probes/encoders/builtin/"
    assert inside >= {
        "py.typed",
        "workbench/.streamlit/config.toml",
        "workbench/interface/templates/report.html",
        builtin + "weights.safetensors",
        builtin + "builtin-scenes.json",
        builtin + "MODEL_CARD.md",
    }
    modules = {path.relative_to(ROOT).as_posix() for name in BUILT_FROM[:4] for path in (ROOT / name).rglob("*.py")}
    assert modules <= inside
    assert not any("__pycache__" in name or name.startswith(("tests", "bench")) for name in inside)


@pytest.mark.parametrize("how", ["from_wheel", "from_clone"])
def test_the_command_line_works_beside_somebody_s_own_files_of_our_names(how, request, own_folder):
    installed: Installed = request.getfixturevalue(how)
    told = installed.run("workbench", "--help", cwd=own_folder)
    assert (told.returncode, told.stderr) == (0, "")
    assert "audit" in told.stdout
    words = ("audit", "--predictions", "table.csv", *SLIM, "-o", "runs/a")
    audited = installed.run("python", "-m", "affect_workbench", *words, cwd=own_folder)
    assert audited.returncode == 0, audited.stderr
    assert (own_folder / "runs" / "a" / "report.html").is_file()


@pytest.mark.parametrize("how", ["from_wheel", "from_clone"])
def test_a_script_and_its_worker_processes_do_too(how, request, own_folder, clone):
    installed: Installed = request.getfixturevalue(how)
    (own_folder / "script.py").write_text(SCRIPT)
    ran = installed.run("python", "script.py", cwd=own_folder)
    assert ran.returncode == 0, ran.stderr
    home, findings, read, strangers = json.loads(ran.stdout)
    place = installed.packages if how == "from_wheel" else clone / "src"
    assert Path(home) == place / "affect_workbench" / "__init__.py"
    assert findings > 0
    assert (read, strangers) == (2, [])


def test_a_page_of_the_app_never_takes_our_datasets_for_the_library_of_that_name(from_clone, clone, own_folder):
    finished_run(own_folder / "runs" / "a", predictions_table(300), **CELLS)
    page = clone / "workbench" / "views" / "pages" / "audit" / "overview.py"
    page.write_text(page.read_text() + PAGE)
    app = clone / "workbench" / "app.py"
    python = from_clone.folder / "bin" / "python"
    with served_app(own_folder / "log", python=python, app=app, cwd=own_folder) as address:
        shown = drawn(address)
    assert "Attribute by attribute" in shown
    found = re.search("datasets is (None|ModuleSpec.*)", shown)
    assert found, shown
    assert str(clone) not in found[1]
    absent = "import importlib.util, sys; sys.exit(importlib.util.find_spec('datasets') is None)"
    assert from_clone.run("python", "-c", absent, cwd=own_folder).returncode == (found[1] == "None")
