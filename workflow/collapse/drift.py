"""Whether results are still those of today's config, code and packages; and if not, why, and what would run again.

Every artifact holds what it was made from (`contracts.Record`). That is compared with what today's plan and code give,
so drift is seen wherever results come from. What runs again is Snakemake's decision, which its own records make; it is
told beside each cause, and is what `snakemake -n` says. Only footers of tables are read, and files whose times are
suspicious.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import yaml

from collapse import contracts, lineage
from collapse.config import load_plan
from collapse.config.origins import sentences
from collapse.errors import ConfigError
from collapse.experiment import Experiment
from collapse.jobs import Job, planned, wanted
from collapse.layout import inside_experiment
from collapse.provenance import package_versions
from collapse.records import Ledger, Written, written_files

BASE = Path("config.yaml")
"""What every config is merged over."""

VERBS = {"generate": "drawn", "train": "trained", "simulate": "simulated"}
"""What happens to a stage's artifacts; those of other stages are made."""

MOST_NAMED = 4
"""Places that are named in one line."""

Effect = Literal["reruns", "accepted", "unseen"]
"""Of a difference: its jobs run again; Snakemake accepts the artifacts as they are (by `--touch`, or because what
differs is older than they are); or it has no record of them and cannot see it."""


@dataclass(frozen=True)
class Drift:
    """How an experiment's results differ from what today's config and code would make.

    Attributes:
        causes: Jobs by what differs and by what that does.
        missing: Jobs that have never been made, or whose artifacts are gone, and whether they run again.
        packages: Number of files by package, version now, version then.
        left: Artifacts that the config does not have, by their path inside the experiment.
        running: Every job that would run, what follows from others included.
        is_new: Whether nothing at all has been made yet.
    """

    causes: dict[tuple[str, Effect], list[Job]] = field(default_factory=dict)
    missing: list[tuple[Job, bool]] = field(default_factory=list)
    packages: dict[tuple[str, str, str], int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    running: set[Job] = field(default_factory=set)
    is_new: bool = False


def explain(configfiles: list[Path], results: Path) -> str:
    """Say why results differ from today's config, code and packages, one line for each cause.

    Args:
        configfiles: YAML files, merged over `config.yaml` in order, as Snakemake's `--configfile` does.
        results: The results folder.

    Raises:
        ConfigError: The config does not check; the message is the one that Snakemake prints.
    """
    experiment = Experiment(load_plan(merged(configfiles), _where(configfiles)))
    experiment.check_claims()
    return told(drift(experiment, results), results / experiment.plan.experiment)


def merged(configfiles: list[Path]) -> dict[str, Any]:
    """The config as Snakemake merges it: mappings by key, anything else replaced.

    Raises:
        ConfigError: A file is missing, or is not a YAML mapping.
    """
    config = dict[str, Any]()
    for path in [BASE, *configfiles]:
        _merge(config, _mapping(path))
    return config


def _where(configfiles: list[Path]) -> str:
    """The config's name in messages, as `workflow/rules/common.smk` gives it."""
    return " + ".join([*(str(path.absolute()) for path in configfiles), str(BASE)])


def _mapping(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML ({error}).\n  Run in the project's folder.") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: is not a mapping of settings.\n  Begin with a key, such as `experiment: name`.")
    return found


def _merge(config: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, dict):
            inner = config.get(key)
            config[key] = dict(inner) if isinstance(inner, dict) else {}
            _merge(config[key], value)
        else:
            config[key] = value


# --- comparing --------------------------------------------------------------------------------------------------------


def drift(experiment: Experiment, results: Path) -> Drift:
    """Compare every artifact of an experiment with what today's plan and code would make.

    Args:
        experiment: Today's plan.
        results: The results folder.
    """
    survey = _Survey(experiment, results)
    causes = defaultdict[tuple[str, Effect], list[Job]](list)
    missing = []
    for job in survey.jobs:
        if survey.missing(job):
            missing.append((job, job in survey.running))
        for reason in survey.reasons(job):
            causes[reason, survey.effect(job)].append(job)
    return Drift(
        causes=dict(causes),
        missing=missing,
        packages=survey.packages(),
        left=survey.left(),
        running=survey.running,
        is_new=not any(survey.path(path).exists() for job in survey.jobs for path in job.outputs),
    )


class _Survey:
    """The plan's jobs beside the files of a results folder."""

    def __init__(self, experiment: Experiment, results: Path) -> None:
        self._plan = experiment.plan
        self._root = results.absolute().parent
        self._results = results.absolute()
        self._folder = self._results / experiment.plan.experiment
        self._ledger = Ledger(self._root)
        self._written: dict[str, Written] = written_files(self._folder)
        self._digests = dict[Path, str]()
        self.jobs = planned(experiment)
        self._wanted = wanted(experiment)
        self.running = self._closure(job for job in self.jobs if self._starts(job))

    def path(self, path: str) -> Path:
        """Where a path of the plan lies; `results/` may have another name or place."""
        return self._results / path.removeprefix("results/") if path.startswith("results/") else self._root / path

    def missing(self, job: Job) -> list[str]:
        """Outputs that are not there."""
        return [path for path in job.outputs if not self.path(path).exists()]

    def effect(self, job: Job) -> Effect:
        """What a difference in this job does."""
        if job in self.running:
            return "reruns"
        return "accepted" if self._ledger.has(job.outputs) else "unseen"

    def _starts(self, job: Job) -> bool:
        """Whether Snakemake runs this job for a reason of its own, with the triggers of profiles/default."""
        ledger, first = self._ledger, job.outputs[0]
        if self._wanted.intersection(self.missing(job)) or any(map(ledger.is_incomplete, job.outputs)):
            return True
        if any(ledger.is_updated(path, job.outputs) for path in job.inputs):
            return True
        params = {repr(job.spec), repr(job.code)}
        return ledger.has(job.outputs) and (
            params != ledger.params(first) or sorted(job.inputs) != ledger.inputs(first)
        )

    def _closure(self, starting: Iterable[Job]) -> set[Job]:
        """These jobs, what reads their outputs, and what makes the missing files that they read."""
        maker = {path: job for job in self.jobs for path in job.outputs}
        readers = defaultdict[str, list[Job]](list)
        for job in self.jobs:
            for path in job.inputs:
                readers[path].append(job)
        found, pending = set[Job](), list(starting)
        while pending:
            job = pending.pop()
            if job not in found:
                found.add(job)
                pending += [reader for path in job.outputs for reader in readers[path]]
                pending += [maker[path] for path in job.inputs if path in maker and not self.path(path).exists()]
        return found

    def reasons(self, job: Job) -> list[str]:
        """What differs between this job's artifacts and today's plan, code and inputs."""
        if len(self.missing(job)) == len(job.outputs):
            return []
        if any(map(self._ledger.is_incomplete, job.outputs)):
            return ["the run that wrote it was cut off"]
        record = self._record(job)
        if isinstance(record, str):
            return [record]
        spec = json.loads(job.spec)
        found = sentences(job.stage, spec, record.spec, job.place, self._plan.family) if record.spec else []
        if record.code and record.code != job.code:
            found.append(f"its code changed ({job.code} now, {record.code} then)")
        found += self._changed_inputs(job, record.inputs)
        if not found and self._ledger.has(job.outputs) and sorted(job.inputs) != self._ledger.inputs(job.outputs[0]):
            found.append("it reads other files now")
        return found

    def _record(self, job: Job) -> contracts.Record | str:
        """What the job's artifacts were made from: as they say themselves, else as Snakemake says; or what is wrong."""
        tables = [found for path in job.outputs if path.endswith(".parquet") and (found := self.path(path)).exists()]
        if tables:
            try:
                return contracts.spec_of(tables[0])
            except (pa.ArrowInvalid, OSError, ValueError):
                return "cannot be read as Parquet"
        first = job.outputs[0]
        return contracts.Record(self._ledger.spec(first) or {}, self._ledger.code(first) or "")

    def _changed_inputs(self, job: Job, recorded: dict[str, str]) -> list[str]:
        changed = set[str]()
        for path in job.inputs:
            known = recorded.get(inside_experiment(Path("/", path)))
            there = self.path(path)
            if (known and there.exists() and self._digest(there) != known) or (
                self._ledger.is_updated(path, job.outputs)
            ):
                changed.add(there.name)
        return [f"{name} is not the one it was made from" for name in sorted(changed)]

    def _digest(self, path: Path) -> str:
        """A file's digest: as written down when it was made, or from its bytes if it was touched since."""
        written = self._written.get(str(path.relative_to(self._folder)))
        if written and path.stat().st_mtime_ns <= written.when:
            return written.digest
        if path not in self._digests:
            self._digests[path] = lineage.sha256(path)
        return self._digests[path]

    def packages(self) -> dict[tuple[str, str, str], int]:
        """Number of planned files by package, version now and version then, where these differ."""
        found = Counter[tuple[str, str, str]]()
        for path in (path for job in self.jobs for path in job.outputs):
            written = self._written.get(inside_experiment(Path("/", path)))
            if written and self.path(path).exists():
                for name, then in written.packages.items():
                    now = package_versions().get(name)
                    if now != then:
                        found[name, now or "not installed", then or "not installed"] += 1
        return dict(found)

    def left(self) -> list[str]:
        """Tables on the disk that the plan does not have."""
        known = {self.path(path) for job in self.jobs for path in job.outputs}
        tables = sorted(path for path in self._folder.rglob("*.parquet") if not path.name.startswith("."))
        return [str(path.relative_to(self._folder)) for path in tables if path not in known]


# --- telling ----------------------------------------------------------------------------------------------------------


def told(found: Drift, folder: Path) -> str:
    """Put what was found into words.

    Args:
        found: What differs.
        folder: The experiment's folder, for the heading.
    """
    if found.is_new:
        return "\n".join([f"{folder}: nothing has been made yet.", _tally(found.running)])
    lines = [*_causes(found), *_missing(found.missing), *_packages(found.packages), *_left(found.left)]
    if not lines:
        return f"{folder}: nothing differs; every artifact is of this config, this code and these packages."
    last = _tally(found.running) if found.running else "Nothing would run."
    return "\n".join([f"{folder}:", *(f"  {line}" for line in lines), last])


def _causes(found: Drift) -> list[str]:
    """One line for each cause; the report holds the whole config, so it is named where nothing else is."""
    lines = []
    for reason in dict.fromkeys(reason for reason, _ in found.causes):
        jobs: dict[Effect, list[Job]] = {e: found.causes[reason, e] for e in _EFFECTS if (reason, e) in found.causes}
        for effect, affected in jobs.items():
            others = [job for job in affected if job.stage != "report"]
            if others or not any(job.stage != "report" for listed in jobs.values() for job in listed):
                stages = ", ".join(dict.fromkeys(job.stage for job in others or affected))
                lines.append(f"{stages}: {reason} — {_effect(effect, others or affected)}")
    return lines


_EFFECTS: tuple[Effect, ...] = ("reruns", "accepted", "unseen")


def _effect(effect: Effect, jobs: list[Job]) -> str:
    names = _counted(jobs)
    if effect == "reruns":
        verbs = list(dict.fromkeys(VERBS.get(job.stage, "made") for job in jobs))
        follows = "" if jobs[0].stage == "report" else ", and what follows from them"
        return f"{names} would be {' or '.join(verbs)} again{follows}"
    if effect == "accepted":
        return f"{names} stay: Snakemake accepts them as they are (by `--touch`, or by their times)"
    return (
        f"{names} stay: Snakemake has no record of how they were made; to make them again: snakemake --forcerun "
        f"{' '.join(dict.fromkeys(job.stage for job in jobs))}"
    )


def _missing(missing: list[tuple[Job, bool]]) -> list[str]:
    lines = []
    for runs, end in ((True, "would be made"), (False, "nothing that would run reads them")):
        if jobs := [job for job, is_running in missing if is_running == runs]:
            lines.append(f"missing: {_counted(jobs)} — {end}")
    return lines


def _packages(packages: dict[tuple[str, str, str], int]) -> list[str]:
    return [
        f"packages: {name} {now} now, {then} when {n} artifact{'' if n == 1 else 's'} were made; "
        "nothing reruns for that"
        for (name, now, then), n in sorted(packages.items())
    ]


def _left(left: list[str]) -> list[str]:
    if not left:
        return []
    places = list(dict.fromkeys(str(Path(path).parent) if "/" in path else path for path in left))
    named = ", ".join(places[:MOST_NAMED]) + (f" and {len(places) - MOST_NAMED} more" if places[MOST_NAMED:] else "")
    return [f"left alone: {len(left)} tables that this config does not have, in {named}"]


def _counted(jobs: list[Job]) -> str:
    """`12 samples.parquet, report.html`: each job by its first output."""
    counts = Counter(Path(job.outputs[0]).name for job in jobs)
    return ", ".join(f"{n} {name}" for name, n in counts.items())


def _tally(running: set[Job]) -> str:
    counts = Counter(job.stage for job in running)
    return "Would run: " + ", ".join(f"{stage} {n}" for stage, n in sorted(counts.items()))
