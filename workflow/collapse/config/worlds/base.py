"""What every closed-form world has in common."""

from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from collapse.config.base import gibibytes, repeated
from collapse.config.settings import Settings, Strategy

BYTES = 8
"""Of a number."""

MOST_GIB = 4
"""Memory that what a world must hold at once may take, in GiB."""


NOT_SWEPT = ("panels", "strategies", "verifiers")
"""Lists of what is shown, or of what has names of its own."""


class Held(NamedTuple):
    """How many numbers are held at once.

    Attributes:
        key: The setting that decides it.
        numbers: How many.
    """

    key: str
    numbers: int


class PanelSettings(Settings):
    """One panel of a world's figure: simulated points over the theory's line."""

    metric: str
    """What is on the y axis."""
    title: str
    x: str = "generation"
    """`generation`, or a swept parameter."""
    lines: str = "strategy"
    """What tells the lines apart: `strategy`, `generation`, or a swept parameter."""
    at: dict[str, float] = Field(default_factory=dict)
    """Only points with these values of swept parameters."""
    generations: tuple[int, ...] = ()
    """Only these generations; empty: all."""
    strategies: tuple[str, ...] = ()
    """Only these strategies; empty: all."""
    log: Literal["none", "x", "y", "both"] = "none"
    """Which axes are logarithmic."""


class WorldSettings(Settings):
    """A closed-form world: a source whose truth is known, and a family whose chains need no job of their own."""

    paper: str = ""
    """Key of the paper it is from, such as `gerstgrasser-2024`; `collapse` for our own."""
    title: str = ""
    """What it shows, in one line."""
    panels: tuple[PanelSettings, ...] = ()
    """What its figure shows."""
    replicates: int = Field(ge=2)
    """Independent chains per seed; all are simulated at once."""

    @property
    def held(self) -> Held:
        """What one replicate holds at once, where that grows with a setting: nothing."""
        return Held("replicates", 0)

    @model_validator(mode="after")
    def _sweeps_name_each_value_once(self) -> Self:
        for key, values in self:
            swept = isinstance(values, tuple) and key not in NOT_SWEPT
            if swept and (twice := repeated(values)):
                shown = f"{twice[0]:g}" if isinstance(twice[0], int | float) else f"({twice[0]})"
                raise ValueError(f"{key}: {shown} appears more than once")
        return self

    @model_validator(mode="after")
    def _fits_into_memory(self) -> Self:
        generations = getattr(self, "generations", 0) + 1
        for one in (self.held, Held("replicates", self.replicates * generations)):
            if (held := one.numbers * BYTES) > MOST_GIB * 2**30:
                limit = f"the {MOST_GIB} GiB that a world may hold"
                raise ValueError(f"{one.key}: would hold about {gibibytes(held)} at once, more than {limit}; use fewer")
        return self

    def simulated(self) -> Self:
        """What decides its numbers: all but how it is shown, so that another title simulates nothing anew."""
        return self.model_copy(update=dict.fromkeys(("paper", "title"), "") | {"panels": ()})


GROWING = {"accumulate", "accumulate_subsample", "replace_multiple", "window"}
"""Ways of composing from sets of many generations, or from a set that grows with them."""


class ChainSettings(WorldSettings):
    """A world whose loop is composed by strategies, the same functions as in the loop of models."""

    generations: int = Field(ge=1, le=10_000)
    """Turns of the loop after generation 0, which is fitted on real data."""
    strategies: tuple[Strategy, ...] = Field(min_length=1)

    @property
    def measured_generations(self) -> tuple[int, ...]:
        """Generations that are measured: all."""
        return tuple(range(self.generations + 1))

    @property
    def keeps_examples(self) -> bool:
        """Whether a strategy takes parts of sets, so that sums over whole sets are not enough."""
        return any(strategy.compose in ("mix", "preserve", "accumulate_subsample") for strategy in self.strategies)

    @property
    def sets_held(self) -> int:
        """Training sets, of the size of the real one, whose examples are held at once at most."""
        composed = {strategy.compose for strategy in self.strategies}
        return self.generations + 1 if composed & GROWING else 3

    @model_validator(mode="after")
    def _strategies_can_be_simulated(self) -> "ChainSettings":
        names = [strategy.name for strategy in self.strategies]
        if twice := sorted(repeated(names)):
            raise ValueError(f"strategies: {', '.join(twice)} appears more than once")
        for strategy in self.strategies:
            if strategy.verifiers:
                raise ValueError(f"strategies: `{strategy.name}` has verifiers, which closed-form chains do not have")
            asked = {"times": strategy.times > 1, "synthetic_weight": strategy.synthetic_weight is not None}
            asked |= {"training": strategy.training is not None}
            if key := next((key for key, is_asked in asked.items() if is_asked), None):
                raise ValueError(f"strategies: `{strategy.name}` has `{key}`, which closed-form chains do not have")
            if strategy.compose == "feedback":
                raise ValueError(
                    f"strategies: `{strategy.name}` keeps real examples that came in with earlier generations, and "
                    "closed-form chains draw them anew; use `accumulate` or `fresh_real`"
                )
        return self


class MeasuredChainSettings(ChainSettings):
    """A chain whose measurements cost more than its turns, or of which there are too many to show."""

    measured: tuple[int, ...]
    """Generations that are measured; empty: all."""

    @model_validator(mode="after")
    def _measured_generations_exist(self) -> "MeasuredChainSettings":
        if any(generation > self.generations or generation < 0 for generation in self.measured):
            raise ValueError(f"measured: names a generation beyond 0 to {self.generations}")
        if list(self.measured) != sorted(set(self.measured)):
            raise ValueError("measured: must rise, without repeats")
        return self

    @property
    def measured_generations(self) -> tuple[int, ...]:
        """Generations that are measured."""
        return self.measured or super().measured_generations

    def is_measured(self, generation: int) -> bool:
        """Whether this generation is measured."""
        return not self.measured or generation in self.measured


Probability = Annotated[float, Field(ge=0, le=1)]
OpenProbability = Annotated[float, Field(gt=0, lt=1)]
Variance = Annotated[float, Field(gt=0)]
RuleExponent = Annotated[float, Field(ge=-10, le=10)]
CapacityExponent = Annotated[float, Field(ge=0, le=10)]


def refuse_parts_of_labels(key: str, fraction: float, n: int) -> None:
    """Refuse a share of labels that is no whole number of them.

    Raises:
        ValueError: It is none.
    """
    if abs(fraction * n - round(fraction * n)) > 1e-6:
        raise ValueError(f"{key}: {fraction:g} of {n} labels is no whole number")
