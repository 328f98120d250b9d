"""The state of a training run on disk: an interrupted one goes on with the same weights, order and randomness."""

import logging
import time
from pathlib import Path
from typing import Any

import torch

from collapse.artifacts.lineage import sha256
from collapse.running.files import written_at_once

logger = logging.getLogger(__name__)


class Checkpoints:
    """One run's checkpoints, of which only the newest is kept.

    A checkpoint's name holds its step and its digest, so one that a fault has damaged is not taken.

    Attributes:
        folder: Where they lie; made with the first.
        minutes: Minutes between them, 0 for one after every step.
    """

    def __init__(self, folder: Path, minutes: float) -> None:
        self.folder = folder
        self.minutes = minutes
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether the last one is old enough."""
        return time.monotonic() - self._last >= 60 * self.minutes

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Keep the state after `step` steps, with that of PyTorch's random generators."""
        before = self._all()
        state = state | {"random": torch.get_rng_state(), "random_gpu": torch.cuda.get_rng_state_all()}
        with written_at_once(self.folder / "state.pt") as partial:
            torch.save(state, partial)
            digest = sha256(partial)
        (self.folder / "state.pt").rename(self.folder / f"{step:09d}-{digest[:16]}.pt")
        for path in before:
            path.unlink()
        self._last = time.monotonic()

    def newest(self) -> dict[str, Any] | None:
        """The newest whole state, with the random generators put back to it; None if there is none."""
        for path in reversed(self._all()):
            if sha256(path)[:16] != path.stem.partition("-")[2]:
                logger.warning("%s is damaged; training goes on from before it", path)
                path.unlink()
                continue
            state = torch.load(path, map_location="cpu", weights_only=True)
            torch.set_rng_state(state.pop("random"))
            torch.cuda.set_rng_state_all(state.pop("random_gpu"))
            return state
        return None

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("*-*.pt"))
