"""What this project publishes, and whether it still holds.

Three things are published: verdicts on the claims of papers, the numbers of the README, and base models. The first two
lie in committed tables, which are written from a run and never by hand; runs are compared with the one, and the README
is made from the other. A base model is copied from the run that made it.
"""

from collapse.publishing.base_models import ship_base_model
from collapse.publishing.measured import measure
from collapse.publishing.readme import readme
from collapse.publishing.verdicts import accept_verdicts, compare_verdicts

__all__ = ["accept_verdicts", "compare_verdicts", "measure", "readme", "ship_base_model"]
