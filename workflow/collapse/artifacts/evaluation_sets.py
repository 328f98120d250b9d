"""How evaluation sets are called that are no text or images of their own: verifiers and raters of one arm."""

CHAIN = "verifiers"
"""All of a strategy's verifiers together."""

RATERS = "rater/"
"""How those of raters begin: `rater/NAME/LABEL`, and `rater/NAME` of levels."""


def of_verifier(name: str) -> str:
    """One verifier of a chain."""
    return f"verifier/{name}"


def of_rater(name: str, label: str | None = None) -> str:
    """A rater, or one of its labels."""
    return RATERS + name if label is None else f"{RATERS}{name}/{label}"


def rater_and_label(place: str) -> tuple[str, str]:
    """Rater and label of an evaluation set such as `rater/NAME/LABEL`; the label is empty for `rater/NAME`."""
    rater, _, label = place.removeprefix(RATERS).partition("/")
    return rater, label
