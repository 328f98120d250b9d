"""What a paper says, as data: where it says so, what is measured here, what is expected, and within what.

An expectation is the paper's own number or sign, a formula of the paper, or derived here; which of them is said. There
is no evidence tag for what is only recalled: such a statement is a hypothesis and cannot be written as a claim.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.settings import Name, Settings

ClaimId = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+(-[A-Za-z0-9.]+)*$")]

COMPARED = ("over", "exceeds", "equals")
"""Keys of selections that a claim compares its own with."""

Evidence = Literal["published", "theorem", "ours"]
"""`published`: a number that the paper prints or draws, or a sign or order that it states of its experiment; `theorem`:
a formula that the paper states, at our settings; `ours`: derived here, no claim of the paper."""


class Selection(Settings):
    """Which rows of the metrics table a claim is about."""

    world: Name | None = None
    """A closed-form world of this experiment; null for the loop of models."""
    evaluation_set: str | None = None
    """Without a world: the text that was measured, such as `real_test`."""
    metric: str
    strategy: str
    generations: tuple[int, ...] = ()
    """Empty: every generation that was measured."""
    at: dict[str, float | tuple[float, ...]] = Field(default_factory=dict)
    """Values of swept parameters; one that is not named may have any."""

    @model_validator(mode="after")
    def _names_one_place(self) -> "Selection":
        if (self.world is None) == (self.evaluation_set is None):
            raise ValueError("name either a `world` or an `evaluation_set`")
        return self


class ClaimSettings(Settings):
    """What all claims have."""

    paper: str
    where: str
    """Theorem, table, figure or section."""
    statement: str
    """What the paper says, in our words."""
    evidence: Evidence
    select: Selection
    published: float | None = None
    """The number the paper prints or draws, if it does."""
    reason: str | None = None
    """Why the claim is known to fail or to be undecided here; shown with the verdict, which it does not change."""


Tolerance = Annotated[float, Field(gt=0)]


class ValueClaim(ClaimSettings):
    """Every selected value equals what is expected."""

    kind: Literal["value"]
    expected: float | Literal["theory", "published"]
    tolerance: Tolerance
    measured: Literal["relative", "absolute"] = "relative"
    """Whether the tolerance is a share of what is expected, or in the metric's unit."""

    @model_validator(mode="after")
    def _published_is_there(self) -> "ValueClaim":
        if self.expected == "published" and self.published is None:
            raise ValueError("`expected: published` needs `published`")
        return self

    @model_validator(mode="after")
    def _evidence_is_what_is_expected(self) -> "ValueClaim":
        if (self.expected == "published") != (self.evidence == "published"):
            raise ValueError(
                f"`evidence: {self.evidence}` with `expected: {self.expected}`; a value is `published` if, and only "
                "if, the paper's own number is expected"
            )
        return self


class BoundClaim(ClaimSettings):
    """Every selected value stays on one side of a bound."""

    kind: Literal["bound"]
    at_most: float | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _one_side(self) -> "BoundClaim":
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("name either `at_most` or `at_least`")
        return self


class TrendClaim(ClaimSettings):
    """The values rise, or fall, from each to the next."""

    kind: Literal["trend"]
    along: str
    """`generation`, or a swept parameter."""
    direction: Literal["increasing", "decreasing"]


class SlopeClaim(ClaimSettings):
    """log metric is a straight line in log parameter, with this slope."""

    kind: Literal["slope"]
    along: str
    expected: float | Literal["theory"]
    tolerance: Tolerance


class PeakClaim(ClaimSettings):
    """The highest, or the lowest, value lies at this parameter value."""

    kind: Literal["peak"]
    along: str
    extreme: Literal["highest", "lowest"]
    expected: float


class RatioClaim(ClaimSettings):
    """The selected values over others, row by row, equal what is expected."""

    kind: Literal["ratio"]
    over: Selection
    expected: float | Literal["theory"]
    tolerance: Tolerance


class OrderClaim(ClaimSettings):
    """The selected values exceed others, row by row."""

    kind: Literal["order"]
    exceeds: Selection


class PairedOrderClaim(ClaimSettings):
    """Of the loop: the selected values exceed others, row by row, as differences within seeds say: the 95 % paired
    t-interval of their mean lies above 0.
    """

    kind: Literal["paired_order"]
    exceeds: Selection


class PairedEqualClaim(ClaimSettings):
    """Of the loop: the selected values equal others, row by row: the 95 % paired t-interval of the mean difference
    within seeds lies within the tolerance on both sides of 0.
    """

    kind: Literal["paired_equal"]
    equals: Selection
    tolerance: Tolerance
    """In the metric's unit."""


Claim = Annotated[
    ValueClaim
    | BoundClaim
    | TrendClaim
    | SlopeClaim
    | PeakClaim
    | RatioClaim
    | OrderClaim
    | PairedOrderClaim
    | PairedEqualClaim,
    Field(discriminator="kind"),
]
