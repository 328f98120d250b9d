"""What every closed-form world has in common."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from collapse.config.settings import Settings, Strategy


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

    def simulated(self) -> Self:
        """What decides its numbers: all but how it is shown, so that another title simulates nothing anew."""
        return self.model_copy(update=dict.fromkeys(("paper", "title"), "") | {"panels": ()})


class ChainSettings(WorldSettings):
    """A world whose loop is composed by strategies, the same functions as in the loop of language models."""

    generations: int = Field(ge=1, le=10_000)
    """Turns of the loop after generation 0, which is fitted on real data."""
    strategies: tuple[Strategy, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _strategies_can_be_simulated(self) -> "ChainSettings":
        names = [strategy.name for strategy in self.strategies]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"strategies: {', '.join(repeated)} appears more than once")
        for strategy in self.strategies:
            if strategy.verifiers:
                raise ValueError(f"strategies: `{strategy.name}` has verifiers, which closed-form chains do not have")
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

    def is_measured(self, generation: int) -> bool:
        """Whether this generation is measured."""
        return not self.measured or generation in self.measured


Probability = Annotated[float, Field(ge=0, le=1)]
OpenProbability = Annotated[float, Field(gt=0, lt=1)]
