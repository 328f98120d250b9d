"""Base models that come with the project: a recipe's model, copied from results into the repository."""

import shutil
from pathlib import Path

from collapse.artifacts import layout, lineage
from collapse.config.specs import REAL
from collapse.errors import ContractError
from collapse.media.text import tokenizer as tokenizers

MEASURED = ("training_log.parquet", "metrics.parquet")
"""Tables that say how it was trained and what it loses on its own test split."""


def ship_base_model(results: Path) -> str:
    """Copy the base model that a recipe made to where the workflow looks for it before it follows the recipe.

    Args:
        results: Folder of the recipe, `results/base-…`.

    Returns:
        What was copied.

    Raises:
        ContractError: There is no such model, or it is not what was written.
    """
    results = results.resolve()
    found = sorted(results.glob(f"strategy={REAL}/seed=*/generation=0/model/model.json"))
    if len(found) != 1:
        raise ContractError(f"{results}: holds {len(found)} base models.\n  Name the folder that a recipe was made in.")
    if faults := lineage.card_faults(found[0]):
        raise ContractError(f"{found[0]}: {'; '.join(faults)}.\n  Run snakemake again.")
    arm, target = found[0].parents[1], layout.shipped_model(results.name).parent
    files = [
        found[0],
        *(found[0].parent / name for name in lineage.read_card(found[0]).files),
        *tokenizers.files(results / "tokenizer"),
        *(arm / name for name in MEASURED),
    ]
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in files:
        shutil.copyfile(path, target / path.name)
    return f"{target}: {len(files)} files, {sum(path.stat().st_size for path in files):,} bytes"
