"""What `python -m collapse COMMAND` does: turns a command line into one call.

The options of a stage are read off the signature of its `run`, so a rule, a person and `--help` use the same words.
"""

import argparse
import ast
import contextlib
import importlib
import inspect
import logging
import os
import pkgutil
import sys
import traceback
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from collapse import stages
from collapse.artifacts import contracts, layout, provenance
from collapse.config.problems import explain
from collapse.config.settings import Settings
from collapse.errors import CollapseError
from collapse.plain_text import printable_lines
from collapse.running import faults
from collapse.running.files import no_file, only_writer


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, or 1 after printing what was refused, why, and what to do."""
    words = sys.argv[1:] if arguments is None else arguments
    _log_in_plain_text()
    faults.explain_signals()
    try:
        options = vars(option_parser(words[:1]).parse_args(words))
        options.pop("call")(options)
    except BaseException as error:  # a library in Rust panics with one that is no Exception
        known = error if isinstance(error, CollapseError) else faults.explained(error)
        if known is None:
            raise
        with contextlib.suppress(OSError):  # the log's disk may be the full one
            print(printable_lines(f"{type(known).__name__}: {known}"), file=sys.stderr, flush=True)
        return getattr(known, "exit_status", 1)
    return 0


class _PlainText(logging.Formatter):
    """Messages quote what others wrote."""

    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(super().format(record))


def _log_in_plain_text() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PlainText())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _say(answer: str) -> None:
    print(printable_lines(answer))


def option_parser(chosen: list[str]) -> argparse.ArgumentParser:
    """What takes a command's words; a stage's options are there if it is the one chosen."""
    parser = argparse.ArgumentParser("python -m collapse", description="Run one stage, or ask about its results.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    names = sorted(module.name for module in pkgutil.iter_modules(stages.__path__))
    if chosen and chosen[0] in names:
        _add_stage_options(commands.add_parser(chosen[0]), chosen[0])
        return parser
    for name in names:
        commands.add_parser(name, help=_first_line(name))
    describe = commands.add_parser("describe", help="Say what a Parquet artifact holds, column by column.")
    describe.add_argument("path", type=Path)
    describe.set_defaults(call=lambda options: _print_inspection("describe", **options))
    trace = commands.add_parser("trace", help="Walk a sample back to the real documents behind it.")
    trace.add_argument("sample_id")
    trace.add_argument("--results", type=Path, default=Path("results"), help="a results folder, or one experiment's")
    trace.set_defaults(call=lambda options: _print_inspection("trace", **options))
    explain = commands.add_parser("explain", help="Say why results differ from today's config, code and packages.")
    explain.add_argument("--configfile", type=Path, nargs="+", action="extend", default=[], dest="configfiles")
    explain.add_argument("--results", type=Path, default=Path("results"), help="the results folder")
    explain.set_defaults(
        call=lambda options: _say(importlib.import_module("collapse.questions.drift").explain(**options))
    )
    plan = commands.add_parser("plan", help="Say what a run will take, and which differences its seeds can decide.")
    plan.add_argument("--configfile", type=Path, nargs="+", action="extend", default=[], dest="configfiles")
    plan.add_argument("--results", type=Path, default=Path("results"), help="the results folder")
    plan.add_argument("--cores", type=_positive, default=os.cpu_count() or 1, help="that the run would have")
    plan.add_argument("--like", type=Path, help="results whose differences vary between seeds about as much")
    plan.set_defaults(call=lambda options: _say(importlib.import_module("collapse.questions.planned").plan(**options)))
    for name, help_ in PUBLISHING.items():
        publishing = commands.add_parser(name, help=help_)
        publishing.add_argument("results", type=Path, help="an experiment's results folder")
        publishing.set_defaults(call=lambda options, name=name: _print_published(name, **options))
    published = commands.add_parser(
        "published-scores", help="Count the scores that Wang et al. published again, beside what their paper says."
    )
    published.add_argument("folder", type=Path, help="a checkout of the paper's repository")
    published.set_defaults(
        call=lambda options: _say(
            importlib.import_module("collapse.questions.published_scores").published_scores(**options)
        )
    )
    readme = commands.add_parser("readme", help="Write the README's numbers from the committed tables.")
    readme.set_defaults(call=lambda options: _print_published("readme", **options))
    schemas = commands.add_parser("schemas", help="Write the generated pages: the config's schema, the artifacts.")
    schemas.add_argument("--folder", type=Path, required=True)
    schemas.set_defaults(call=lambda options: importlib.import_module("collapse.schemas").write(**options))
    return parser


def _positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _print_inspection(question: str, **options: Any) -> None:
    _say(getattr(importlib.import_module("collapse.questions.inspection"), question)(**options))


PUBLISHING = {
    "compare-verdicts": "Name every verdict on a paper's claim that is not the published one.",
    "accept-verdicts": "Publish the verdicts of these results from now on.",
    "ship-base-model": "Copy the base model that a recipe made into the repository.",
    "measure": "Write what these results measured into the committed tables behind the README.",
}


def _print_published(command: str, **options: Any) -> None:
    _say(getattr(importlib.import_module("collapse.publishing"), command.replace("-", "_"))(**options))


def _first_line(stage: str) -> str:
    source = (Path(stages.__path__[0]) / f"{stage}.py").read_text()
    return (ast.get_docstring(ast.parse(source)) or stage).splitlines()[0]


def _add_stage_options(command: argparse.ArgumentParser, stage: str) -> None:
    run = importlib.import_module(f"collapse.stages.{stage}").run
    command.description = inspect.getdoc(run)
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    hints = typing.get_type_hints(run, include_extras=True)
    for name, hint in hints.items():
        if name not in ("record", "return"):
            _add_option(command, name, hint, inspect.signature(run).parameters[name].default)
    command.add_argument("--code", default="", help="fingerprint of the stage's code, kept in the artifact")
    command.set_defaults(call=lambda options: _run_stage(stage, run, hints, options))


def _add_option(command: argparse.ArgumentParser, name: str, hint: Any, default: Any) -> None:
    option, required = f"--{name.replace('_', '-')}", default is inspect.Parameter.empty
    if typing.get_origin(hint) is list:
        command.add_argument(option, type=typing.get_args(hint)[0], nargs="*", required=required, default=[])
    elif hint is bool:
        command.add_argument(option, action="store_true")
    elif hint == stages.Folder:
        command.add_argument(name, type=Path)
    elif model := _settings_of(hint):
        explained = "settings as JSON; - reads them from standard input"
        command.add_argument(option, type=lambda text: _spec(model, text), required=required, help=explained)
    else:
        plain = typing.get_args(typing.get_args(hint)[0]) if hint == stages.Output | None else typing.get_args(hint)
        kind = next((part for part in plain if part in (Path, int, str)), hint)
        optional = {} if required else {"nargs": "?", "default": default}
        command.add_argument(option, type=kind, required=required, **optional)


def _settings_of(hint: Any) -> type[Settings] | None:
    """The settings model that a hint names, alone or with None."""
    parts = (hint, *typing.get_args(hint))
    return next((part for part in parts if isinstance(part, type) and issubclass(part, Settings)), None)


def _spec(model: type[Settings], text: str) -> Settings:
    """Settings from JSON. `-` is standard input: a whole config may be longer than an argument may be."""
    try:
        return model.model_validate_json(sys.stdin.read() if text == "-" else text)
    except ValidationError as error:
        raise explain(error, model, "--spec") from None


def _run_stage(stage: str, run: Callable[..., None], hints: dict[str, Any], options: dict[str, Any]) -> None:
    started = datetime.now(UTC)
    named = [options[name] for name, hint in hints.items() if hint in (stages.Output, stages.Output | None)]
    outputs, code, spec = [path for path in named if path], options.pop("code"), options.get("spec")
    if not outputs:  # the stage is only asked what it finds
        run(**options, record=contracts.Record())
        return
    for path in outputs:
        if strange := no_file(path):
            logging.warning("%s: %s; it is set aside as %s", path, strange, provenance.set_aside(path).name)
    told = provenance.location(outputs)
    with only_writer(provenance.lock(told), [*outputs, told]) as waited:
        record = contracts.Record(
            spec=spec.model_dump(mode="json") if spec else {},
            code=code,
            inputs=provenance.verified_digests(_inputs(hints, options), layout.experiment_folder(outputs[0])),
        )
        if waited and provenance.made_by(outputs, record.identity):
            logging.info("it has made what was asked for; there is nothing left to do")
            return
        run(**options, **({"record": record} if "record" in hints else {}))
        provenance.write(outputs, stage, started, record.identity)


def _inputs(hints: dict[str, Any], options: dict[str, Any]) -> list[Path]:
    """Every file that the stage was told to read."""
    named = [options[name] for name, hint in hints.items() if hint in (Path, list[Path], Path | None)]
    listed = [path for value in named for path in (value if isinstance(value, list) else [value])]
    return [path for path in listed if path is not None and path.exists()]


def run_to_the_end() -> NoReturn:
    """Run the command of this process's own command line, and end the process."""
    status = 1
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        status = 0
    except SystemExit as end:  # argparse has said why
        status = int(end.code or 0)
    except BaseException:
        with contextlib.suppress(OSError):
            print(printable_lines(traceback.format_exc()), end="", file=sys.stderr)
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    # All files are written and closed. Taking a process apart that has imported vLLM would cost another five seconds.
    os._exit(status)
