"""Settings of chains that are not measured at every generation."""

from pydantic import model_validator

from collapse.config.worlds.base import ChainSettings


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
