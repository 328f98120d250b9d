"""Where each artifact lives, for rules, notebooks and tests alike."""

from collections.abc import Iterable
from pathlib import Path

from collapse.config.specs import BASE_MODEL, REAL, CollectSpec
from collapse.errors import ContractError

ARM = "results/{experiment}/strategy={strategy}/seed={seed}/generation={generation}"
"""Folder of one (strategy, seed, generation), in Snakemake's wildcards."""


def arm(experiment: str, strategy: str, seed: int, generation: int) -> str:
    """Folder of one arm."""
    return ARM.format(experiment=experiment, strategy=strategy, seed=seed, generation=generation)


def model(experiment: str, strategy: str, seed: int, generation: int) -> str:
    """The model's card; generation 0 sees real data only, so all strategies share it."""
    return f"{arm(experiment, REAL if generation == 0 else strategy, seed, generation)}/model/model.json"


def samples(experiment: str, strategy: str, seed: int, generation: int) -> str:
    """The samples; those of generation 1 come from the shared model, so they are drawn once."""
    return f"{arm(experiment, REAL if generation == 1 else strategy, seed, generation)}/samples.parquet"


SHIPPED = Path("workflow/base_models")
"""Folder of the base models that come with the project, each in a folder named as its recipe's results would be."""


def base_model(recipe: str) -> str:
    """Name of the folder, beside the experiments', of the base model that a recipe makes."""
    return BASE_MODEL.format(recipe=recipe)


def shipped_model(name: str) -> Path:
    """Card of a base model that comes with the project, if it does."""
    return SHIPPED / name / "model.json"


RATER = "results/{experiment}/rater={rater}"
"""Folder of one rater, in Snakemake's wildcards."""


def rater(experiment: str, name: str) -> str:
    """What a rater has learned."""
    return f"{RATER.format(experiment=experiment, rater=name)}/rater.parquet"


def held_out_beside(learned: str) -> str:
    """What a rater says of texts that it was not fitted to, beside what it has learned."""
    return learned.removesuffix("rater.parquet") + "held_out.parquet"


def checkpoint(experiment: str, reader: str) -> str:
    """Card of somebody's model that a rater or a verifier reads by."""
    return f"results/{experiment}/checkpoint={reader}/model.json"


WORLD = "results/{experiment}/world={world}"
"""Folder of one closed-form world, in Snakemake's wildcards."""


def world(experiment: str, name: str) -> str:
    """Folder of one closed-form world."""
    return WORLD.format(experiment=experiment, world=name)


def arms(plan: CollectSpec) -> list[tuple[str, int, int]]:
    """Every (strategy, seed, generation) that has a model of its own, generations in ascending order."""
    if not plan.strategies:
        return []
    shared = [(REAL, seed, 0) for seed in plan.seeds]
    return shared + [
        (strategy, seed, generation)
        for generation in range(1, plan.generations + 1)
        for strategy in plan.strategies
        for seed in plan.seeds
    ]


def arms_with_samples(plan: CollectSpec) -> list[tuple[str, int, int]]:
    """Every (strategy, seed, generation) that samples were drawn in."""
    return sorted({(REAL if arm[2] == 1 else arm[0], *arm[1:]) for arm in arms(plan) if arm[2] > 0})


def found(folder: Path, wanted: list[tuple[str, int, int]], name: str) -> list[Path]:
    """One artifact of every wanted arm, below the experiment's folder.

    Stages that read every arm find the files here: an experiment may have more arms than a command line holds.

    Raises:
        ContractError: One is missing.
    """
    return _all_there([folder.parents[1] / arm(folder.name, *one) / name for one in wanted])


def found_worlds(folder: Path, worlds: Iterable[str], name: str) -> list[Path]:
    """One artifact of every closed-form world, below the experiment's folder.

    Raises:
        ContractError: One is missing.
    """
    return _all_there([folder.parents[1] / world(folder.name, one) / name for one in worlds])


def _all_there(paths: list[Path]) -> list[Path]:
    if missing := [path for path in paths if not path.is_file()]:
        raise ContractError(
            f"{missing[0]}: is missing, and {len(missing) - 1} more like it.\n"
            "  Run snakemake: it makes every one before it reads them all."
        )
    return paths


def experiment_folder(path: Path) -> Path | None:
    """The `results/<experiment>` folder that an artifact lies in, or None outside one."""
    return next((parent for parent in path.parents if parent.parent.name == "results"), None)


def seen_from(path: Path, home: Path | None) -> str:
    """A file's path relative to the folder of an experiment that reads it: `../base-…/` before another's file."""
    folder, inside = experiment_folder(path), inside_experiment(path)
    return inside if folder is None or home is None or folder.name == home.name else f"../{folder.name}/{inside}"


def inside_experiment(path: Path) -> str:
    """An artifact's path relative to its experiment's folder; the same wherever the project lies."""
    folder = experiment_folder(path)
    return str(path.relative_to(folder)) if folder else path.name
