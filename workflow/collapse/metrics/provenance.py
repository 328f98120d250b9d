"""Who wrote what a model was trained on, and how many models lie between it and real text."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts.contracts import ANCESTRY
from collapse.errors import ContractError


def real_token_share(n_tokens: np.ndarray, n_real_tokens: np.ndarray) -> float:
    """Share of the tokens trained on that a person wrote, prompts within samples included.

    Args:
        n_tokens: Tokens of each training example, shape `(n_examples,)`.
        n_real_tokens: Of these, tokens of documents and prompts, shape `(n_examples,)`.
    """
    return float(np.sum(n_real_tokens) / np.sum(n_tokens))


def mean_origin_generation(origin_generation: np.ndarray, n_tokens: np.ndarray) -> float:
    """Mean generation that the training examples come from, weighted by tokens; real documents are 0.

    Args:
        origin_generation: Generation of each training example, shape `(n_examples,)`.
        n_tokens: Tokens of each training example, prompts included, shape `(n_examples,)`.
    """
    return float(np.average(origin_generation, weights=n_tokens))


def n_distinct_examples(example_id: pa.ChunkedArray) -> int:
    """Different documents and samples trained on."""
    return int(pc.count_distinct(example_id).as_py())


def n_tokens_trained(n_tokens: np.ndarray) -> int:
    """Tokens trained on, repeats counted."""
    return int(np.sum(n_tokens, dtype=np.int64))


def ancestry(mixture: pa.Table) -> pa.Table:
    """Count an arm's training text by the generation it comes from.

    Args:
        mixture: One arm's mixture, in the columns of the MIXTURE contract.

    Returns:
        One row per generation that contributes, in the columns of the ANCESTRY contract; shares add up to 1.
    """
    counted = mixture.group_by(["strategy", "seed", "generation", "origin_generation"], use_threads=False).aggregate(
        [("example_id", "count_distinct"), ("n_tokens", "sum")]
    )
    n_tokens = counted["n_tokens_sum"].cast(pa.int64())
    columns = {name: counted[name] for name in ("strategy", "seed", "generation", "origin_generation")} | {
        "n_examples": counted["example_id_count_distinct"],
        "n_tokens": n_tokens,
        "token_share": pc.divide(n_tokens.cast(pa.float64()), pc.sum(n_tokens).cast(pa.float64())),
    }
    return pa.table(columns, schema=ANCESTRY.schema).sort_by("origin_generation")


def ancestry_depth(shares_by_generation: list[dict[int, float]]) -> list[float]:
    """Mean number of models between the text a model is trained on and real text.

    depth(D_g) = sum over j of share_j depth(S_j), with depth(S_j) = 1 + depth(D_{j-1}) and depth(real) = 0: samples
    are one model further from real text than what their writer was trained on. `replace` has depth g, `real` 0.

    Args:
        shares_by_generation: For each generation g from 0, the share of D_g's tokens that come from generation j;
            j = 0 is real text.

    Returns:
        depth(D_g) for each g.

    Raises:
        ContractError: A model is trained on samples of a later generation, or shares do not add up to 1.
    """
    depths = list[float]()
    for generation, shares in enumerate(shares_by_generation):
        if not all(0 <= origin <= generation for origin in shares) or abs(sum(shares.values()) - 1) > 1e-6:
            raise ContractError(
                f"ancestry of generation {generation}: {shares} must be shares of generations 0 to {generation} that "
                "add up to 1.\n  Look at its mixture.parquet."
            )
        depths.append(sum(share * (1 + depths[origin - 1]) for origin, share in shares.items() if origin > 0))
    return depths
