"""Why results differ from what today's config, code and packages would make.

Every table holds what it was made from (`contracts.Record`); that is compared with what today's plan and code give.
What would run again is Snakemake's decision, so Snakemake is asked, and its answer is told beside the causes.
"""

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from collapse.artifacts import contracts, integrity, lineage, provenance
from collapse.artifacts.layout import arms, arms_with_samples
from collapse.config import load_plan
from collapse.config.files import read
from collapse.config.origins import sentences
from collapse.config.specs import REAL
from collapse.errors import ConfigError, ContractError
from collapse.experiment import Experiment
from collapse.plain_text import printable
from collapse.running import files

BASE = Path("config.yaml")
"""What every config is merged over."""

STAGES = {
    "documents": ("corpus", "corpus"),
    "references": ("references", "references"),
    "truth": ("truth", "truth"),
    "samples": ("generate", "generate"),
    "verdicts": ("verify", "verify"),
    "mixture": ("mix", "mix"),
    "training_log": ("train", "train"),
    "document_losses": ("evaluate", "evaluate"),
    "internals": ("internals", "internals"),
    "neurons": ("neurons", "neurons"),
    "ancestry": ("collect", "collect"),
    "contrasts": ("contrast", "compare"),
    "stopping": ("stopping", "stopping"),
    "claims": ("claims", "claims"),
    "audit": ("audit", "audit"),
}
"""Table that a stage is known by: the stage, and which spec it gets."""


@dataclass
class Place:
    """The wildcards of a job, read from where its table lies."""

    strategy: str = REAL
    seed: str = "0"
    generation: str = "0"
    world: str = ""
    rater: str = ""
    checkpoint: str = ""

    @property
    def name(self) -> str:
        """What the config calls it: a world, a rater or a strategy."""
        return self.world or self.rater or self.strategy

    @classmethod
    def of(cls, path: Path) -> "Place":
        """The place of a table, by the folders named `key=value` above it."""
        named = dict(part.split("=", 1) for part in path.parts[:-1] if "=" in part)
        return cls(**{name: value for name, value in named.items() if name in cls.__dataclass_fields__})


def explain(configfiles: list[Path], results: Path) -> str:
    """Say why results differ from today's config, code and packages, one line for each cause.

    Args:
        configfiles: YAML files, merged over `config.yaml` in order, as Snakemake's `--configfile` does.
        results: The results folder.

    Raises:
        ConfigError: The config does not check; the message is the one that Snakemake prints.
    """
    experiment = Experiment(load_plan(merged(configfiles), where(configfiles)))
    experiment.start.check_claims()
    experiment.start.check_sources()
    folder = results / experiment.plan.experiment
    would_run = jobs(configfiles) if results.resolve() == Path("results").resolve() else None
    found, planned = _tables(folder), _Planned(experiment)
    causes = _causes(experiment, folder, [path for path in found if path in planned], would_run)
    lines = [*causes, *_base_model(experiment, folder), *_checkpoints(experiment, folder)]
    lines += [*_packages(folder), *_left(found, planned)]
    if would_run is not None:
        lines += integrity.told(integrity.look(experiment.outputs.artifacts(), lineage.sha256), is_run=False)
        lines.append(f"Would run: {_counted(would_run)}" if would_run else "Nothing would run.")
    if not folder.is_dir():
        lines.insert(0, "nothing has been made yet.")
    elif len(lines) == (would_run is not None):
        lines.insert(0, "every table is of this config, this code and these packages.")
    return "\n".join([printable(f"{folder}:"), *(f"  {printable(line)}" for line in lines)])


def merged(configfiles: list[Path]) -> dict[str, Any]:
    """The config as Snakemake merges it: mappings by key, anything else replaced.

    Raises:
        ConfigError: A file is missing, or is no YAML mapping whose keys differ.
    """
    config = dict[str, Any]()
    for path in [BASE, *configfiles]:
        _merge(config, read(path))
    return config


def jobs(configfiles: list[Path]) -> Counter[str]:
    """How many jobs of each rule Snakemake would run.

    Raises:
        ConfigError: Snakemake refuses to say; its own message follows.
    """
    options = ["--configfile", *map(str, configfiles)] if configfiles else []
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"snakemake --dry-run says:\n{(done.stdout + done.stderr)[-2000:]}")
    table = (done.stdout + done.stderr).partition("Job stats:")[2]
    found = re.findall(r"^(\w+) +(\d+)$", table.partition("\ntotal")[0], flags=re.MULTILINE)
    return Counter({rule: int(n) for rule, n in found if rule != "all"})


def where(configfiles: list[Path]) -> str:
    """The config's name in messages, as `workflow/rules/common.smk` gives it."""
    return " + ".join([*(str(path.absolute()) for path in configfiles), str(BASE)])


def _merge(config: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, dict):
            inner = config.get(key)
            config[key] = dict(inner) if isinstance(inner, dict) else {}
            _merge(config[key], value)
        else:
            config[key] = value


# --- causes -----------------------------------------------------------------------------------------------------------


def _causes(experiment: Experiment, folder: Path, paths: list[Path], would_run: Counter[str] | None) -> list[str]:
    """One line for each difference, with the stages and the number of tables that it concerns."""
    tables = defaultdict[str, Counter[str]](Counter)
    for path in filter(_names_its_stage, paths):
        stage, reasons = _compared(experiment, path, folder)
        for reason in reasons:
            tables[reason][stage] += 1
    order = ["simulate", "rater", *(stage for stage, _ in STAGES.values())]
    return [
        f"{', '.join(sorted(stages, key=order.index))}: {reason}{_effect(stages, would_run)}"
        for reason, stages in tables.items()
    ]


def _effect(stages: Counter[str], would_run: Counter[str] | None) -> str:
    n = f" ({stages.total()} table{'s' if stages.total() > 1 else ''})"
    unseen = [stage for stage in stages if would_run is not None and not would_run[stage]]
    if not unseen:
        return n
    # copied without .snakemake, or accepted by --touch
    return f"{n}; Snakemake lets them stay; to make them again: snakemake --forcerun {' '.join(unseen)}"


def _compared(experiment: Experiment, path: Path, folder: Path) -> tuple[str, list[str]]:
    """The stage that made a table, and what differs between today and then."""
    place = Place.of(path)
    if place.world:
        stage, spec, code = "simulate", experiment.specs.of_world(place), experiment.specs.code_of_world(place)
    elif place.rater:
        stage, spec, code = "rater", experiment.specs.of_rater(place), experiment.specs.code_of_rater(place)
    else:
        stage, slice_of_plan = STAGES[path.stem]
        spec, code = experiment.specs.of(slice_of_plan)(place), experiment.specs.code(stage)
    if strange := files.no_file(folder / path):
        return stage, [f"{path} {strange}"]
    try:
        record = contracts.spec_of(folder / path)
    except (pa.ArrowException, OSError):
        return stage, [f"{path} cannot be read as Parquet"]
    except ValueError as error:
        return stage, [f"what {path} says it was made from cannot be read ({error})"]
    reasons = sentences(stage, json.loads(spec), record.spec, place.name, experiment.plan.family)
    if record.code != code:
        reasons.append(f"its code changed ({code} now, {record.code} then)")
    return stage, reasons


def _base_model(experiment: Experiment, folder: Path) -> list[str]:
    """What differs of pretrained weights, which have a card and no table."""
    if not experiment.plan.has_base_model:
        return []
    card, spec = folder / "base_model" / "base_model.json", experiment.specs.of("base_model")(Place())
    return _of_card("base_model", card, spec, REAL, experiment)


def _checkpoints(experiment: Experiment, folder: Path) -> list[str]:
    """What differs of somebody's models that raters and verifiers read by."""
    found = list[str]()
    for reader in experiment.plan.checkpoints:
        card = folder / f"checkpoint={reader}" / "model.json"
        spec = experiment.specs.of_checkpoint(Place(checkpoint=reader))
        key = experiment.plan.checkpoint_spec(reader).key
        found += _of_card("checkpoint", card, spec, key, experiment)
    return found


def _of_card(stage: str, card: Path, spec: str, place: str, experiment: Experiment) -> list[str]:
    """What differs between today's spec and what a card says, if there is one."""
    if not card.is_file():
        return []
    try:
        then = files.entries(card)
    except (OSError, ValueError):
        return [f"{card.parent.name}/{card.name} cannot be read as a card"]
    now = json.loads(spec)
    both = now.keys() & then.keys()  # a card of another version says less
    wanted, kept = ({key: one[key] for key in sorted(both)} for one in (now, then))
    return [f"{stage}: {reason}" for reason in sentences(stage, wanted, kept, place, experiment.plan.family)]


def _tables(folder: Path) -> list[Path]:
    """Every table of an experiment, by its path inside it."""
    found = (path.relative_to(folder) for path in folder.rglob("*.parquet"))
    return sorted(path for path in found if not any(part.startswith(".") for part in path.parts))


class _Planned:
    """Which tables today's plan has."""

    def __init__(self, experiment: Experiment) -> None:
        known = experiment.plan.collect_spec()
        self._arms, self._drawn = set(arms(known)), set(arms_with_samples(known))
        self._worlds, self._raters = set(known.worlds), set(experiment.plan.raters)
        plan = experiment.plan
        self._summaries = {"claims": bool(plan.claims), "neurons": bool(plan.internals)}
        self._looks_inside = plan.internals is not None

    def __contains__(self, path: Path) -> bool:
        place = Place.of(path)
        if place.world:
            return place.world in self._worlds
        if place.rater:
            return place.rater in self._raters
        if path.parent == Path():
            return self._summaries.get(path.stem, True)
        if path.stem == "internals" and not self._looks_inside:
            return False
        if not (place.seed.isdecimal() and place.generation.isdecimal()):
            return False
        arm = (place.strategy, int(place.seed[:18]), int(place.generation[:18]))
        return arm in self._arms or (path.stem == "samples" and arm in self._drawn)


def _names_its_stage(path: Path) -> bool:
    place = Place.of(path)
    if place.world or place.rater:
        return path.stem == ("metrics" if place.world else "rater")
    return path.stem in STAGES


def _left(tables: list[Path], planned: _Planned) -> list[str]:
    left = sorted({str(path.parent) for path in tables if path not in planned})
    if not left:
        return []
    more = f" and {len(left) - 4} more" if len(left) > 4 else ""
    return [f"left alone, for this config does not have them: {', '.join(left[:4])}{more}"]


def _packages(folder: Path) -> list[str]:
    """Packages that have another version now than when something was made."""
    now, others = provenance.package_versions(), Counter[tuple[str, str | None]]()
    for path in folder.rglob(f"{provenance.FOLDER}/*.json"):
        try:
            versions = files.entries(path).get("packages")
            if not isinstance(versions, dict):
                raise ValueError("it names no packages")
        except (OSError, ValueError) as error:
            raise ContractError(
                f"{path}: is no provenance ({error}).\n  Delete it; it is no part of the results."
            ) from None
        others.update((name, then and str(then)) for name, then in versions.items() if then != now.get(name))
    return [
        f"packages: {name} is {now.get(name) or 'not installed'}, was {then or 'not installed'} for {n} job(s); "
        "nothing reruns for that"
        for (name, then), n in sorted(others.items(), key=str)
    ]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))
