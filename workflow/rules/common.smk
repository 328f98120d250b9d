# The checked plan, the environment of every job, and what a rule may ask about it. No logic of the science.
import os
import sys
from functools import partial

sys.path.insert(0, f"{workflow.basedir}/workflow")
sys.setrecursionlimit(20_000)  # a chain of generations is one input function inside another

from snakemake.exceptions import WorkflowError

from collapse import layout
from collapse.config import load_plan
from collapse.errors import CollapseError
from collapse.workflow import Rules

try:
    PLAN = load_plan(config, " + ".join(map(str, workflow.configfiles)))
    RULES = Rules(PLAN)
except CollapseError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    strategy="[a-z0-9-]+",
    seed=r"\d+",
    generation=r"\d+",


pathvars:
    arm=layout.ARM.replace("{experiment}", PLAN.experiment),
    experiment=f"results/{PLAN.experiment}",


# Every job finds this package and this interpreter first, whatever the user's shell has activated.
shell.prefix(
    f"set -euo pipefail; export PATH={os.path.dirname(sys.executable)}:$PATH "
    f"PYTHONPATH={workflow.basedir}/workflow; "
)
