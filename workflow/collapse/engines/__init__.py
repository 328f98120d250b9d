"""What draws samples from a transformer: vLLM, or transformers. Other families sample themselves (`native`).

Both engines read the same folder and give each row its own seed. Their noise differs, so their texts differ; their
distributions and the log-probabilities they report are the same, which tests check.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collapse import families
from collapse.config.settings import DecodingSettings
from collapse.errors import ContractError, EngineError
from collapse.families import Sampler
from collapse.media import Encoding, Facts

MODULES = {
    "vllm": "collapse.engines.vllm_engine",
    "transformers": "collapse.engines.transformers_engine",
    "native": "collapse.engines",
}
"""Module of each engine; rules add it to the fingerprint of `generate`."""


def never_drawn(decoding: DecodingSettings, encoding: Encoding, train: Any) -> list[int]:
    """What may not be drawn, of media that have such a thing.

    Args:
        decoding: Whether what real training outputs lack may be drawn.
        encoding: How the experiment's values are written.
        train: The real training outputs.
    """
    of_medium = getattr(encoding.output, "never_drawn", None)
    return [] if of_medium is None else of_medium(train, decoding.unseen_types == "allowed")


def open_sampler(engine: str, family: str, folder: Path, facts: Facts, device: str, never: Sequence[int]) -> Sampler:
    """Open the model in `folder` for sampling.

    Args:
        engine: `vllm`, `transformers` or `native`.
        family: Family that saved the model.
        folder: Its folder.
        facts: What the experiment's values are.
        device: `cpu` or `gpu`.
        never: Tokens that are never drawn. Log-probabilities are those under the model itself, which may draw them.

    Raises:
        EngineError: The engine is not installed, or there is no GPU where one is asked for.
        ContractError: The model is not whole, or of other values.
    """
    if engine == "native":
        model: Any = families.load(family, folder, device)
        if model.facts != facts:
            raise ContractError(
                f"{folder}: its model is of {model.facts.output}, but the experiment's values are of {facts.output}.\n"
                "  Delete this folder and run snakemake, which trains it again."
            )
        return model.without(never) if never else model
    try:
        module = importlib.import_module(MODULES[engine])
    except ImportError as error:
        raise EngineError(
            f"generate.engine: `{engine}` cannot be imported ({error}).\n"
            "  Run `make run` once to install envs/, or name another engine."
        ) from None
    return module.Engine(folder, facts.output, device, never)


def by_blocks(sampler: Sampler, n_tokens: int) -> Sampler:
    """The same, given whole documents, each block of which it continues."""
    from collapse.engines.blocks import Blockwise

    return Blockwise(sampler, n_tokens)


def by_beams(prompts: Any, asked: list[str], n_beams: int) -> Any:
    """Prompts of which each takes the next best beam whenever it is asked again.

    Args:
        prompts: What the model is given, one each.
        asked: Ids of the examples that they are of.
        n_beams: Beams of a search; who asks more often begins anew with the best.
    """
    from collapse.engines.beams import Ranked, earlier

    return Ranked(prompts, earlier(asked) % n_beams)
