# The checked plan and the environment of every job. What a rule asks about the plan is in `collapse.experiment`.
import os
import shlex
import sys
from pathlib import Path

sys.path.insert(0, f"{workflow.basedir}/workflow")
# A chain of generations is one input function inside another.
sys.setrecursionlimit(20_000)

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from collapse import cluster, files, layout
from collapse.config import load_plan
from collapse.experiment import Experiment
from collapse.errors import CollapseError
from collapse.faults import DISK_FULL
from collapse.run_lock import RunLock

# The interpreter of every step; another than Snakemake's own where their environments must differ.
PYTHON = os.environ.get("COLLAPSE_PYTHON") or sys.executable
if not os.access(PYTHON, os.X_OK):
    raise WorkflowError(f"COLLAPSE_PYTHON: {PYTHON} is not a program; name a python.")

try:
    EXPERIMENT = Experiment(
        load_plan(config, " + ".join(map(str, workflow.configfiles)))
    )
    elsewhere = any(word.startswith(("--executor", "--profile")) for word in sys.argv)
    EXPERIMENT.check_claims()
    EXPERIMENT.check_machine(
        jobs_run_here=not elsewhere, same_python=PYTHON == sys.executable
    )
except CollapseError as error:
    raise WorkflowError(str(error)) from None


# Locks that a killed Snakemake left behind are removed here; its jobs that still run are waited for by those that follow.
RUN_LOCK = RunLock(EXPERIMENT.plan.experiment)
if workflow.is_main_process:
    if stale := RUN_LOCK.remove_stale():
        logger.warning(
            f"An earlier run was killed; its {len(stale)} lock(s) are removed."
        )
    for warning in EXPERIMENT.warnings():
        logger.warning(warning)


def slurm_requests():
    """What each Slurm job that is about to be submitted asks for."""
    for job in workflow.dag.needrun_jobs():
        if not job.is_local:
            submitted = workflow.dag.get_job_group(job) or job
            yield cluster.Request.of(submitted.resources, submitted.threads)


onstart:
    if workflow.executor_plugin.name == "slurm":
        try:
            cluster.refuse_impossible(slurm_requests())
        except CollapseError as error:
            raise WorkflowError(str(error)) from None
    RUN_LOCK.hold()
    if n_future := files.date_back(Path("results", EXPERIMENT.plan.experiment)):
        logger.warning(
            f"{n_future} files were dated in the future: the clock was moved back. They are dated today now."
        )


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


# What a job cannot write into its log itself.
KEPT = "What is finished is kept: run snakemake again and it goes on from there."
KILLED = (
    "This job was killed (signal 9), most often because memory ran out: give it more (mem_mb of its rule, in the "
    f"profile) or run fewer at once. {KEPT}"
)
FULL = f"The disk is full. Free some space. {KEPT}"
shell.prefix(
    f'set -euo pipefail; trap \'case $? in 137) echo "{KILLED}" >&2;; {DISK_FULL}) echo "{FULL}" >&2;; esac\' EXIT; '
    f"export PATH={as_shell_word(os.path.dirname(PYTHON))}:$PATH "
    f"PYTHONPATH={as_shell_word(f'{workflow.basedir}/workflow')} "
    "MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_TOP_PAD_=67108864; "
)
