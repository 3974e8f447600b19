"""The command `workbench`: which commands there are, words in, one line out for every error."""

from __future__ import annotations

import argparse
import gc
import os
import shlex
import signal
import subprocess
import sys
import types
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from affect_workbench.workbench.audit.exports.settings import ExportSettings
from affect_workbench.workbench.audit.settings import AuditSettings, CompareSettings, PermutationCheckSettings
from affect_workbench.workbench.benchmark.settings import BenchSettings, DemoSettings
from affect_workbench.workbench.concepts.settings import LabelSettings
from affect_workbench.workbench.datasets.settings import DataSettings, FeaturesSettings, OverlapSettings
from affect_workbench.workbench.discovery.settings import DiscoverSettings
from affect_workbench.workbench.interface.options import (
    add_arguments,
    build,
    current_words,
    did_you_mean,
    flags_of,
    note_renamed,
    read_toml,
    with_remaining,
)
from affect_workbench.workbench.models.asking.settings import AskSettings
from affect_workbench.workbench.models.attaching.settings import AttachSettings
from affect_workbench.workbench.models.evaluation.settings import EvaluateSettings, ReproduceSettings
from affect_workbench.workbench.models.instruct.settings import InstructSettings
from affect_workbench.workbench.models.mmllm.settings import ChatSettings, ComposeSettings, ReasoningSettings, StageSettings
from affect_workbench.workbench.models.training.settings import (
    AnchorsSettings,
    ImportTinyemoSettings,
    SweepSettings,
    TrainSettings,
)
from affect_workbench.workbench.runs.settings import ReportSettings, ReviewSettings
from affect_workbench.workbench.views.settings import LABELS_VARIABLE, RUN_VARIABLE, RUNS_VARIABLE, AppSettings

COMMANDS: Mapping[str, type[Any]] = types.MappingProxyType(
    {
        "demo": DemoSettings,
        "data": DataSettings,
        "features": FeaturesSettings,
        "overlap": OverlapSettings,
        "train": TrainSettings,
        "sweep": SweepSettings,
        "import-tinyemo": ImportTinyemoSettings,
        "anchors": AnchorsSettings,
        "ask": AskSettings,
        "attach": AttachSettings,
        "instruct": InstructSettings,
        "mmllm compose": ComposeSettings,
        "mmllm train": StageSettings,
        "mmllm chat": ChatSettings,
        "mmllm evaluate": ReasoningSettings,
        "evaluate": EvaluateSettings,
        "reproduce": ReproduceSettings,
        "audit": AuditSettings,
        "compare": CompareSettings,
        "permutation-check": PermutationCheckSettings,
        "bench": BenchSettings,
        "discover": DiscoverSettings,
        "review": ReviewSettings,
        "label": LabelSettings,
        "report": ReportSettings,
        "export": ExportSettings,
        "app": AppSettings,
    }
)
"""Command -> its settings, in the order of the help; a command of two words is one of a group."""

RENAMED = types.MappingProxyType({"selftest": "permutation-check"})
"""Old command -> its current name."""

_NEW_OBJECTS = 100_000
"""How many new objects the garbage collector waits for."""

EXIT_BAD_INPUT = 2
EXIT_FINDINGS = 1
RESUMED = ("features", "train", "sweep", "instruct", "mmllm evaluate")
"""Commands that keep what they have finished when they are interrupted; ask and attach name the folder themselves."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the words after `workbench`; those of the process when not given.

    Returns:
        0; 1 when `--fail-on` caught a finding or a bar of `bench` is missed; 2 after an error, which is one line on
        standard error.
    """
    if arguments is not None:
        return _main(arguments)
    # The process is this command's own. What it imports stays until it ends: looking through it for cycles again and
    # again, and once more at the end, would take a fifth of a small audit.
    gc.set_threshold(_NEW_OBJECTS)
    if sys.argv[1:2] in (["ask"], ["attach"]):  # hours of a model's answers: whoever ends it is told where they are
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = _main(sys.argv[1:])
    gc.freeze()
    return code


def _main(arguments: Sequence[str]) -> int:
    words = _current(with_command(arguments))
    parser, children = _parsers()
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        parser.error(_unknown(words))
    known, strangers = parser.parse_known_args(words)
    given = vars(known)
    if strangers and (kind := COMMANDS.get(given.get("command", ""))):
        given, strangers = with_remaining(kind, given, strangers)
    if strangers:
        asked = children.get(given.get("command", ""), parser)
        flag = next((word.partition("=")[0] for word in strangers if word.startswith("--")), "")
        near = did_you_mean(flag, flags_of(asked))
        asked.error(f"unrecognized arguments: {' '.join(strangers)}{near}")
    command = given.pop("command", None)
    if command is None:
        parser.print_help()
        return EXIT_BAD_INPUT
    try:
        kind = COMMANDS[command]
        config = given.pop("config", None)
        from_file = read_toml(Path(config), kind) if config else {}
        code = _run(command, build(kind, from_file | given), f"workbench {command} {shlex.join(words[1:])}".rstrip())
        sys.stdout.flush()  # so that a closed pipe is met here
        return code
    except (ValueError, TypeError, FileNotFoundError, FileExistsError) as error:
        return _fail(command, str(error))
    except BrokenPipeError:
        # Whoever reads what is printed (head, less) has enough; what Python would still flush goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(command, f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
    except KeyboardInterrupt as interruption:
        where = f", which is kept in {interruption}" if interruption.args else ""
        goes_on = (
            f"; run the same command again to continue from what was finished{where}" if where or command in RESUMED else ""
        )
        return _fail(command, f"interrupted; nothing half-written was kept{goes_on}")


def with_command(words: Sequence[str]) -> list[str]:
    """The words with the command as the first of them, also where it has two words."""
    return [" ".join(words[:2]), *words[2:]] if " ".join(words[:2]) in COMMANDS else list(words)


def _unknown(words: Sequence[str]) -> str:
    """Why the first of these words is no command."""
    steps = [name.partition(" ")[2] for name in COMMANDS if name.startswith(f"{words[0]} ")]
    if steps:
        asked = words[1] if len(words) > 1 and not words[1].startswith("-") else ""
        known = f"expected {words[0]} {' or '.join(steps)}"
        return f"{words[0]} has no step {asked!r}: {known}" if asked else f"{words[0]} needs a step: {known}"
    return f"unknown command {words[0]!r}{did_you_mean(words[0], COMMANDS)}"


def _current(words: list[str]) -> list[str]:
    """The words with the old names of a command and of its flags replaced, with a notice for each."""
    if not words:
        return words
    command = RENAMED.get(words[0], words[0])
    if command != words[0]:
        note_renamed(words[0], command)
    rest = words[1:]
    return [command, *(current_words(rest, COMMANDS[command]) if command in COMMANDS else rest)]


def _run(command: str, settings: Any, line: str) -> int:
    if command == "app":
        return _app(settings)
    # No library below may reach out by itself, or report on its use.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if command == "report":
        return _report(settings)
    if command == "review":
        from affect_workbench.workbench.runs.review_command import review_run
        from affect_workbench.workbench.runs.store import naming_damage

        with naming_damage(settings.run):
            review_run(settings)
        return 0
    if command == "export":
        from affect_workbench.workbench.audit.exports.command import export_run
        from affect_workbench.workbench.runs.store import naming_damage

        with naming_damage(settings.run):
            export_run(settings)
        return 0
    if command == "label":
        from affect_workbench.workbench.concepts.labelling import label
        from affect_workbench.workbench.runs.store import naming_damage

        with naming_damage(settings.run):
            label(settings)
        return 0
    if command in ("data", "features", "overlap"):
        from affect_workbench.workbench.datasets import command as intake
        from affect_workbench.workbench.datasets.overlap import overlap

        step: Any = {"data": intake.data, "features": intake.features, "overlap": overlap}[command]
        step(settings)
    elif command == "train":
        from affect_workbench.workbench.models.training.command import train

        train(settings)
    elif command == "sweep":
        from affect_workbench.workbench.models.training.sweep.command import sweep

        sweep(settings)
    elif command == "import-tinyemo":
        from affect_workbench.workbench.models.training.import_tinyemo import import_tinyemo

        import_tinyemo(settings)
    elif command == "anchors":
        from affect_workbench.workbench.models.anchors.command import anchors

        anchors(settings)
    elif command == "ask":
        from affect_workbench.workbench.models.asking.command import ask

        ask(settings, command=line)
    elif command == "attach":
        from affect_workbench.workbench.models.attaching.command import attach

        attach(settings, command=line)
    elif command == "instruct":
        return _instruct(settings, line)
    elif command == "mmllm compose":
        from affect_workbench.workbench.models.mmllm.composing import compose

        compose(settings)
    elif command == "mmllm train":
        from affect_workbench.workbench.models.mmllm.training import train_stages

        train_stages(settings, command=line)
    elif command == "mmllm chat":
        from affect_workbench.workbench.models.mmllm.chatting import chat

        chat(settings)
    elif command == "mmllm evaluate":
        from affect_workbench.workbench.models.mmllm.reasoning.command import evaluate_model

        evaluate_model(settings, command=line)
    elif command == "permutation-check":
        from affect_workbench.workbench.audit.permutation_check import check_permutations
        from affect_workbench.workbench.runs.store import naming_damage

        with naming_damage(settings.run):
            check_permutations(settings)
    elif command == "bench":
        from affect_workbench.workbench.benchmark.command import bench

        return EXIT_FINDINGS if bench(settings, command=line).failed else 0
    elif command == "discover":
        from affect_workbench.workbench.discovery.command import discover_slices

        discover_slices(settings, command=line)
    elif command in ("evaluate", "reproduce"):
        from affect_workbench.workbench.models.evaluation import command as evaluating
        from affect_workbench.workbench.models.evaluation import reproduce as reproducing
        from affect_workbench.workbench.models.evaluation import single as evaluating_one

        if command == "reproduce":
            reproducing.reproduce(settings)
        else:
            (evaluating.evaluate_datasets if settings.datasets else evaluating_one.evaluate)(settings)
    elif command == "demo":
        from affect_workbench.workbench.benchmark.demo import demo

        demo(settings, command=line)
        if settings.show:
            _show(Path(settings.out) / "audit" / "report.html")
    elif command == "compare":
        from affect_workbench.workbench.audit.comparison.command import compare_runs
        from affect_workbench.workbench.runs.store import naming_damage

        with naming_damage(f"{settings.run_a} or {settings.run_b}"):
            return EXIT_FINDINGS if compare_runs(settings, command=line).failed else 0
    else:
        from affect_workbench.workbench.audit.precheck import require_usable
        from affect_workbench.workbench.runs.gate import audit_gate

        require_usable(settings)
        from affect_workbench.workbench.audit.command import audit

        gate = audit_gate(settings.fail_on)
        result = audit(settings, command=line)
        return EXIT_FINDINGS if gate.fails(result) else 0
    return 0


def _instruct(settings: InstructSettings, line: str) -> int:
    from affect_workbench.workbench.models.instruct import command as instruct

    instruct.require_step(settings)
    if settings.step == "build":
        instruct.build(settings, command=line)
        return 0
    if settings.step == "check":
        return EXIT_FINDINGS if instruct.check(settings) and settings.fail_on else 0
    return _audit_instruct(settings, line)


def _audit_instruct(settings: InstructSettings, line: str) -> int:
    """The texts of instruct data through the audit of texts: `models` may not reach up to `audit`, so they meet here."""
    from affect_workbench.analyses.audit.config import AuditConfig
    from affect_workbench.workbench.audit.texts import audit_texts
    from affect_workbench.workbench.interface.claiming import writes_out
    from affect_workbench.workbench.models.instruct.texts import instruct_texts
    from affect_workbench.workbench.runs.files import RUN_FILES
    from affect_workbench.workbench.runs.gate import audit_gate

    gate = audit_gate(settings.fail_on)
    texts, lexicon = instruct_texts(Path(settings.path), words=settings.words, frequent=settings.frequent)
    asked = AuditSettings(
        out=settings.out,
        texts=settings.path,
        attributes=settings.attributes,
        fail_on=settings.fail_on,
        overwrite=settings.overwrite,
        audit=AuditConfig(order=settings.order),
    )
    audited = writes_out(known=RUN_FILES)(audit_texts)
    result = audited(asked, texts, lexicon, gate=gate, provenance={"command": line})
    return EXIT_FINDINGS if gate.fails(result) else 0


def _report(settings: ReportSettings) -> int:
    from affect_workbench.data.storage.atomic import write_text
    from affect_workbench.workbench.report.html import report_html
    from affect_workbench.workbench.runs.paper import chromium, write_pdf
    from affect_workbench.workbench.runs.reviews import load_reviews
    from affect_workbench.workbench.runs.store import load_audit, naming_damage

    if settings.everything and not settings.pdf:
        raise ValueError("--everything is about the PDF: give --pdf FILE as well")
    browser = chromium() if settings.pdf else ""
    target = Path(settings.out) if settings.out else Path(settings.run) / "report.html"
    with naming_damage(settings.run):
        page = report_html(load_audit(settings.run), reviews=load_reviews(settings.run), pictures=settings.pictures)
    write_text(target, page)
    print(f"report: {target}")
    if settings.pdf:
        write_pdf(target, Path(settings.pdf), browser=browser, everything=settings.everything)
        print(f"PDF: {settings.pdf}")
    return 0


def _app(settings: AppSettings) -> int:
    from affect_workbench.data.storage.destination import restore
    from affect_workbench.workbench.views.folders import require_openable

    app = Path(__file__).with_name("app.py")
    command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.port", str(settings.port)]
    command += ["--browser.gatherUsageStats", "false", "--server.address", "localhost"]
    command += ["--server.headless", "true"] if settings.headless else []
    chosen = {RUNS_VARIABLE: settings.runs, LABELS_VARIABLE: settings.labels}
    if settings.run:
        restore(Path(settings.run))
        kind = require_openable(Path(settings.run))
        chosen |= {RUN_VARIABLE: settings.run} if kind else {RUN_VARIABLE: settings.run, RUNS_VARIABLE: settings.run}
    if sys.platform == "win32":
        return subprocess.call(command, env=os.environ | chosen)
    sys.stdout.flush()
    # The server takes this process's place, so that whoever ends `workbench app` ends the server.
    os.execve(command[0], command, os.environ | chosen)


def _show(page: Path) -> None:
    """Opens a local page where there is a person at a desktop to see it; elsewhere the printed path must do."""
    desktop = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if desktop and sys.stdout.isatty():
        webbrowser.open(page.resolve().as_uri())


def _fail(command: str, message: str) -> int:
    if os.environ.get("RANK", "0") == "0":  # of several processes that fail alike, one says why
        print(f"workbench {command}: error: {' '.join(message.split())}", file=sys.stderr)
    return EXIT_BAD_INPUT


class _Parser(argparse.ArgumentParser):
    """Errors in one line, as everywhere else."""

    def error(self, message: str) -> Any:
        self.exit(EXIT_BAD_INPUT, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    """The parser of all commands, and that of each."""
    parser = _Parser(prog="workbench", description="Find, measure and show emotional bias in vision models.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    children = {}
    for name, kind in COMMANDS.items():
        text = (kind.__doc__ or "").strip()
        children[name] = child = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        child.add_argument(
            "--config", metavar="PATH", default=argparse.SUPPRESS, help="TOML file with these options as keys"
        )
        add_arguments(child, kind)
    return parser, children


if __name__ == "__main__":
    sys.exit(main())
