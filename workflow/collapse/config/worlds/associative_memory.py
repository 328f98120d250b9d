"""Settings of a memory that is shown questions with a Zipf law, and of what happens to the law's tail first."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from collapse.config.settings import Settings
from collapse.config.worlds.base import OpenProbability, Probability, WorldSettings

Swept = TypeVar("Swept")


def _different(values: tuple[Swept, ...]) -> tuple[Swept, ...]:
    if not values or len(set(values)) < len(values):
        raise ValueError("needs one value or more, each of them once")
    return values


Sweep = Annotated[tuple[Swept, ...], AfterValidator(_different)]
"""Values of a swept parameter."""
Exponent = Annotated[float, Field(gt=1, le=10)]
"""β of p_i ∝ i^−β; the probabilities of endlessly many questions have a sum only above 1."""
Count = Annotated[int, Field(ge=1, le=10**9)]
Rank = Annotated[int, Field(ge=2)]


class CleanSource(Settings):
    """Real data, by β."""

    kind: Literal["clean"]
    exponents: Sweep[Exponent]


class CutSource(Settings):
    """Real data without what lies beyond a rank k."""

    kind: Literal["cut"]
    exponent: Exponent
    ranks: Sweep[Rank]


class NarrowedSource(Settings):
    """Data of a model that is sampled at a temperature τ: q ∝ p^(1/τ)."""

    kind: Literal["narrowed"]
    exponent: Exponent
    temperatures: Sweep[Annotated[float, Field(gt=0)]]

    @model_validator(mode="after")
    def _still_has_a_sum(self) -> "NarrowedSource":
        if (highest := max(self.temperatures)) >= self.exponent:
            raise ValueError(
                f"temperatures: {highest:g} makes the exponent β/τ = {self.exponent / highest:g}, which must stay "
                "above 1; keep them below `exponent`"
            )
        return self


class TopPSource(Settings):
    """Data of a model that is sampled from the likeliest questions that hold a mass p."""

    kind: Literal["top_p"]
    exponent: Exponent
    cut_masses: Sweep[OpenProbability]
    """1 − p, what is cut off at most."""


class FiniteSource(Settings):
    """Data of a model that was itself shown T_0 real samples: their empirical distribution."""

    kind: Literal["finite"]
    exponent: Exponent
    real_samples: Sweep[Annotated[int, Field(ge=2, le=10**7)]]


class MixedSource(Settings):
    """A share π of real data among data cut at a rank k."""

    kind: Literal["mixed"]
    exponent: Exponent
    rank: Rank
    real_fractions: Sweep[Probability]


class TailSource(Settings):
    """Data cut at a rank k, and a share π of real data from beyond another rank only."""

    kind: Literal["tail_added"]
    exponent: Exponent
    rank: Rank
    real_fraction: OpenProbability
    from_ranks: Sweep[Rank]

    @model_validator(mode="after")
    def _adds_a_tail(self) -> "TailSource":
        if (lowest := min(self.from_ranks)) < self.rank:
            raise ValueError(f"from_ranks: {lowest} is not in the tail, which begins at `rank` {self.rank}")
        return self


Source = Annotated[
    CleanSource | CutSource | NarrowedSource | TopPSource | FiniteSource | MixedSource | TailSource,
    Field(discriminator="kind"),
]


class AssociativeMemorySettings(WorldSettings):
    """A learner remembers the answers to T questions drawn from q; it is asked questions drawn from p ∝ i^−β."""

    model: Literal["associative_memory"]
    atoms: int = Field(ge=2, le=10**7)
    """K, number of different questions. The error of endlessly many is higher by what p holds beyond K."""
    samples: Sweep[Count]
    """T, samples the learner is shown."""
    source: Source
    """q; its lists are swept."""

    @model_validator(mode="after")
    def _ranks_exist(self) -> "AssociativeMemorySettings":
        last = self.atoms - 1 if isinstance(self.source, TailSource) else self.atoms
        for key in ("rank", "ranks", "from_ranks"):
            value = getattr(self.source, key, ())
            if (largest := max(value, default=0) if isinstance(value, tuple) else value) > last:
                raise ValueError(f"source.{key}: {largest} is beyond {last}, the last rank of {self.atoms} `atoms`")
        return self
