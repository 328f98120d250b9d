"""How large a plan on images is: `sizes.Loop` where examples are images, with labels or without.

Of the VAE study and a classifier of 5,000 features, estimates were between 0.8 and 1.6 times the measured peaks
(`peak_memory_mb` in the provenance).
"""

from functools import cached_property

from collapse.experiment.sizes import (
    MEBIBYTE,
    NUMBER,
    ROW_BYTES,
    Factor,
    Loop,
    Part,
    StageSize,
    over,
)

COPIES = 12
"""Bytes held for a pixel of an image in a job: its PNG, its grey level, and as float32 twice."""

PNG_SHARE = 0.4
"""Bytes of a PNG file over pixels."""

FITTED = 500 * MEBIBYTE
"""What a job holds before it begins: interpreter, PyTorch, Accelerate."""

SCORED = 512
"""Images that are scored or drawn at once."""

COMPARED = 1_000**2 * 8 * 4
"""Distances between the images that are compared."""


class ImageLoop(Loop):
    """A plan's quantities where examples are images; what is a token elsewhere is an image here."""

    @cached_property
    def n_pixels(self) -> int:
        """Of an image."""
        images = self.plan.corpus.images
        return images.height * images.width if images and self.plan.corpus.source == "images" else 28 * 28

    @property
    def side(self) -> tuple[Factor, ...]:
        """What decides the size of an image."""
        if self.plan.corpus.source != "images":
            return ()
        return (over("corpus.images.height", self.n_pixels**0.5, 128),)

    @cached_property
    def document_tokens(self) -> float:
        """An image counts as one."""
        return 1.0

    @cached_property
    def sample_tokens(self) -> float:
        """An image counts as one."""
        return 1.0

    @cached_property
    def real_rows(self) -> float:
        """Real training images."""
        assert self.plan.corpus.examples is not None
        return self.plan.corpus.examples.train

    @cached_property
    def text(self) -> tuple[Factor, ...]:
        """What decides how many real images there are."""
        return (over("corpus.examples.train", self.real_rows, 100_000), *self.side)

    @property
    def _budgeted_tokens(self) -> float:
        return self.plan.budget.amount * self.plan.training.batch_size

    @cached_property
    def n_weights(self) -> float:
        """Of the model."""
        if self.plan.family == "classifier":
            return self.plan.classifier.width * (self.n_pixels + 100)
        few, latent = self.plan.vae.channels, self.plan.vae.latent
        return 64 * few**2 + 3 * latent * few * self.n_pixels / 8

    @cached_property
    def shape(self) -> tuple[Factor, ...]:
        """What decides the number of weights."""
        if self.plan.family == "classifier":
            return (over("classifier.width", self.plan.classifier.width, 20_000), *self.side)
        return (
            over("vae.channels", self.plan.vae.channels, 128),
            over("vae.latent", self.plan.vae.latent, 256),
            *self.side,
        )

    @cached_property
    def imported(self) -> Part:
        """What a job holds before it begins."""
        return Part("libraries", FITTED, ())

    def table(self, rows: float, tokens: float, factors: tuple[Factor, ...]) -> Part:
        """A table of images in memory, and the images themselves."""
        return Part("images", rows * (ROW_BYTES + COPIES * self.n_pixels), (*factors, *self.side))

    def weights(self, copies: float) -> Part:
        """So many numbers for every weight."""
        return Part("weights", copies * NUMBER * self.n_weights, self.shape)

    def _passing(self, rows: float, by: tuple[Factor, ...]) -> Part:
        """What a pass of so many images through the network holds."""
        if self.plan.family == "classifier":
            held = rows * self.plan.classifier.width * 24
        else:
            held = rows * self.n_pixels * (2 + self.plan.vae.channels) * NUMBER * 4
        return Part("activations", held, (*by, *self.shape))

    def corpus(self) -> StageSize:
        """Reads and splits the images."""
        assert self.plan.corpus.examples is not None
        wanted = self.plan.corpus.examples
        rows = max(5_000, wanted.train + wanted.validation + wanted.test + wanted.reserve)
        largest = max(("train", "validation", "test", "reserve"), key=lambda name: getattr(wanted, name))
        why = (over(f"corpus.examples.{largest}", getattr(wanted, largest), 100_000),)
        kept = Part("documents", PNG_SHARE * rows * self.n_pixels, why)
        return StageSize("corpus", 1, rows, rows, (self.imported, self.table(2 * rows, 1, why)), (kept,))

    def references(self) -> StageSize:
        """Fits a classifier to real images."""
        memory = (self.imported, self.table(self.real_rows, 1, self.text))
        return StageSize("references", 1, self.real_rows, self.real_rows, memory)

    def generate(self, n_jobs: int) -> StageSize:
        """Draws the samples."""
        rows = self.drawn_rows
        memory = (self.imported, self.weights(2), self.table(rows, 1, self.sets), self._passing(SCORED, ()))
        kept = Part("samples", rows * (40 + PNG_SHARE * self.n_pixels), (*self.sets, *self.repeats))
        return StageSize("generate", n_jobs, rows, rows, memory, (kept,))

    def train(self, n_jobs: int) -> StageSize:
        """Fits the model."""
        rows, _ = self.trained
        pool, why = self.pool
        held = [self.imported, self.weights(5), self.table((self.real_rows + pool) / 2, 1, why)]
        held.append(Part("training order", rows * self.n_pixels, self.spent))
        at_once = rows if not self.plan.takes_steps else self.batch.value
        held.append(self._passing(at_once, self.spent if not self.plan.takes_steps else (self.batch,)))
        kept = Part("weights", NUMBER * self.n_weights * (1 + 2 / n_jobs), (*self.shape, *self.repeats))
        return StageSize("train", n_jobs, rows, rows, tuple(held), (kept,))

    def evaluate(self, n_jobs: int) -> StageSize:
        """Scores held-out images and samples, and compares them."""
        assert self.plan.corpus.examples is not None
        rows = (self.drawn_rows if self.plan.strategies else 0) + self.plan.corpus.examples.test + self.real_rows
        compared = Part("distances", COMPARED, ())
        memory = (self.imported, self.weights(3), self.table(rows, 1, self.sets_or_text), compared)
        kept = Part("losses", 25 * rows, (*self.sets_or_text, *self.repeats))
        return StageSize("evaluate", n_jobs, rows, rows, (*memory, self._passing(SCORED, ())), (kept,))

    def _scored(self) -> list[Part]:
        return [self._passing(SCORED, ())]
