"""Claims of papers, checked: measured values in, verdicts out."""

from collapse.claims.checks import check, foresee

__all__ = ["check", "foresee"]
