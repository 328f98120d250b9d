"""Accepts what the known source can write: right by definition, where the corpus is a grammar."""

import numpy as np

from collapse.config.verifiers import SourceVerifier
from collapse.errors import ContractError
from collapse.verifiers import ACCEPTED, Verdicts
from collapse.verifiers.case import Case

VERSION = "source/1"


def judged(_settings: SourceVerifier, case: Case, _name: str) -> Verdicts:
    """What it says of a case; see `verifiers`.

    Raises:
        ContractError: Nobody gave what the source can write.
    """
    if case.truth is None:
        raise ContractError(
            "verifiers: `source` compares samples with all that the source can write, and no --truth was given.\n"
            "  Pass results/<experiment>/truth.parquet, which is there where the corpus is a grammar."
        )
    drawn, known = case.drawn, set(case.medium.outputs(case.truth).keys())
    whole = drawn.outputs if drawn.inputs is None else case.medium.joined(drawn.inputs, drawn.outputs)
    accepted = np.array([key in known for key in whole.keys()], dtype=bool)  # noqa: SIM118 - it is no mapping
    return Verdicts(
        accepted,
        reason=np.where(accepted, ACCEPTED, "wrong_answer"),
        score=accepted.astype(float),
        threshold=np.ones(len(accepted)),
    )
