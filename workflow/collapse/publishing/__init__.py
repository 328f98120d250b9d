"""What this project publishes, and whether it still holds.

Two things are published: verdicts on the claims of papers, and the numbers of the README. Both lie in committed tables,
which are written from a run and never by hand; runs are compared with the one, and the README is made from the other.
"""

from collapse.publishing.measured import measure
from collapse.publishing.readme import readme
from collapse.publishing.verdicts import accept_verdicts, compare_verdicts

__all__ = ["accept_verdicts", "compare_verdicts", "measure", "readme"]
