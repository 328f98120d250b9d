# The checked plan and the environment of every job. What a rule asks about the plan is in `collapse.experiment`.
import os
import shlex
import sys

sys.path.insert(0, f"{workflow.basedir}/workflow")
# A chain of generations is one input function inside another.
sys.setrecursionlimit(20_000)

from snakemake.exceptions import WorkflowError

from collapse import layout
from collapse.config import load_plan
from collapse.experiment import Experiment
from collapse.errors import CollapseError

try:
    EXPERIMENT = Experiment(
        load_plan(config, " + ".join(map(str, workflow.configfiles)))
    )
    elsewhere = any(word.startswith(("--executor", "--profile")) for word in sys.argv)
    EXPERIMENT.check_claims()
    EXPERIMENT.check_machine(jobs_run_here=not elsewhere)
except CollapseError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    world="[a-z0-9-]+",
    strategy="[a-z0-9-]+",
    seed=r"\d+",
    generation=r"\d+",


pathvars:
    experiment=f"results/{EXPERIMENT.plan.experiment}",
    arm=layout.ARM.replace("{experiment}", EXPERIMENT.plan.experiment),
    world=layout.WORLD.replace("{experiment}", EXPERIMENT.plan.experiment),


# Every job finds this interpreter and this package first, whatever the user's shell has activated. Freed memory is kept
# for the next step instead of being handed back to the system: a tenth of a small model's training time.
# A folder's name may hold spaces, quotes and dollar signs, which the shell must not read, and braces, which Snakemake
# would.
def as_shell_word(path):
    return shlex.quote(path).replace("{", "{{").replace("}", "}}")


shell.prefix(
    f"set -euo pipefail; export PATH={as_shell_word(os.path.dirname(sys.executable))}:$PATH "
    f"PYTHONPATH={as_shell_word(f'{workflow.basedir}/workflow')} "
    "MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_TOP_PAD_=67108864; "
)
