"""Checks of artifacts: each against its contract, and against the artifacts it was made from and with.

A check is a pure function of tables and settings that returns what is wrong, a sentence each, and an empty list if
nothing is. The modules beside this one hold them by what they look at: `tables` (one table alone), `corpus`, `drawn`
(samples, verdicts, losses), `mixed` (mixtures), `trained` (models), `collected` (the experiment's tables). `shelf`
reads the files, each once, and `walk` knows which artifacts get which checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from collapse.artifacts import layout
from collapse.config.specs import REAL

CHECKS = {
    "complete": "it is there",
    "contract": "it can be read, its checksums hold, and it has the columns, types and values of its contract",
    "key": "no key repeats, and the rows are in its order",
    "digest": "its bytes, and those of the files it names, are what was written",
    "inputs": "the files it was made from are still those",
    "place": "its rows and ids name the folder it lies in",
    "counts": "tokens and bytes are as many as it says",
    "held_out": "nothing held out was read by the base model, where it was pretrained here",
    "splits": "nothing held out is trained on, and no text, group or document lies in two splits",
    "seeds": "every row was drawn from a seed of its own",
    "record": "the sampling record says what the samples hold",
    "lineage": "what it refers to exists and is the same there",
    "usable": "only samples offered to the strategy and accepted by all its verifiers",
    "generations": "no example is of a later generation, or of a table it does not name",
    "shares": "as many different examples of each origin as the strategy takes",
    "weights": "every example weighs what its origin does in this strategy",
    "passes": "every pass holds every example once, the last one until the budget is used",
    "budget": "as much is trained on as the budget pays for",
    "training": "steps and tokens of card and log are those of the mixture",
    "collected": "its rows are those of the arms and worlds, no more and no fewer",
}
"""Every check, and what it compares."""

AGAIN = "Set it aside (--set-aside) and run snakemake, which makes it again"
MAKE_AGAIN = f"{AGAIN}; if the check then fails again, the code that makes the file is wrong."
CURES = {
    "complete": "Run snakemake: it makes what is missing.",
    "contract": f"{AGAIN}.",
    "digest": f"A disk, a copy or a hand changed it. {AGAIN}.",
    "inputs": f"{AGAIN} from what is there now; or delete it, if it is of earlier settings.",
}
"""What to do about a check that failed; `MAKE_AGAIN` for the others."""

DAMAGE = ("contract", "digest", "inputs")
"""Checks that say which file is at fault; the others may fail because of a neighbour."""


@dataclass(frozen=True)
class Finding:
    """What one check found at one artifact.

    Attributes:
        artifact: Path inside the experiment's folder.
        check: A name in `CHECKS`.
        faults: What is wrong; none if the check passed.
    """

    artifact: str
    check: str
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    @property
    def detail(self) -> str:
        """What was compared, or what is wrong."""
        return "; ".join(self.faults) or CHECKS[self.check]

    @property
    def cure(self) -> str:
        """What to do about it."""
        return CURES.get(self.check, MAKE_AGAIN)


class Arm(NamedTuple):
    """One turn of the loop of one strategy and one replicate."""

    strategy: str
    seed: int
    generation: int

    @property
    def folder(self) -> str:
        """Its folder, inside the experiment's."""
        return layout.ARM.partition("{experiment}/")[2].format(**self._asdict())

    @property
    def samples(self) -> "Arm":
        """Where its samples lie: those of generation 1 are shared."""
        return self._replace(strategy=REAL) if self.generation == 1 else self

    @property
    def before(self) -> "Arm":
        """The generation before; generation 0 is shared."""
        strategy = REAL if self.generation == 1 else self.strategy
        return Arm(strategy, self.seed, self.generation - 1)


def at_fault(findings: Sequence[Finding]) -> list[str]:
    """The artifacts to be made again: the damaged and the stale, or, if there are none, all that failed a check.

    A table that was changed makes its neighbours fail too, although they are whole.
    """
    failed = [finding for finding in findings if not finding.passed]
    damaged = [finding for finding in failed if finding.check in DAMAGE]
    return sorted({finding.artifact for finding in damaged or failed})


def some(values: Sequence[object]) -> str:
    """How many there are, and the first of them."""
    return f"{len(values)}, such as {values[0]}" if len(values) > 1 else f"{values[0]}"
