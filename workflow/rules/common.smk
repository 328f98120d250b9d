# The checked plan and the environment of every job. What a rule asks about the plan is in `collapse.experiment`.
import os
import sys
from functools import partial
from pathlib import Path

# A chain of generations is one input function inside another.
sys.setrecursionlimit(20_000)

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from collapse import terminal
from collapse.running import (
    cluster,
    faults,
    files,
    fork_server,
    job_shell,
    snakemake_state,
)
from collapse.artifacts import fingerprint, integrity, layout
from collapse.config import load_plan
from collapse.experiment import Experiment
from collapse.errors import CollapseError
from collapse.artifacts.known_digests import KnownDigests
from collapse.plain_text import printable_lines
from collapse.running.run_lock import RunLock

faults.explain_interrupt()

# What earlier runs have read is not read again: modules of the package, and files that nothing has touched since.
FINGERPRINTS = snakemake_state.FOLDER / "fingerprints.json"
fingerprint.recall(FINGERPRINTS)
DIGESTS = KnownDigests(snakemake_state.FOLDER / "digests.json")
try:
    EXPERIMENT = Experiment(
        load_plan(config, " + ".join(map(str, workflow.configfiles))), DIGESTS.sha256
    )
    elsewhere = any(word.startswith(("--executor", "--profile")) for word in sys.argv)
    EXPERIMENT.start.check_claims()
    if workflow.is_main_process:
        EXPERIMENT.start.check_size(
            jobs_run_here=not elsewhere,
            granted=cluster.memory_granted(
                workflow.resource_settings, workflow.group_settings.overwrite_groups
            ),
        )
    EXPERIMENT.start.check_sources()
    EXPERIMENT.start.check_machine(
        jobs_run_here=not elsewhere,
        same_python=job_shell.interpreter() == sys.executable,
    )
except CollapseError as error:
    raise WorkflowError(printable_lines(str(error))) from None

# `cores: all` of the default profile is about this machine; how many a cluster has, Slurm knows.
if elsewhere and not any(word.startswith(("--cores", "-c")) for word in sys.argv):
    workflow.global_resources["_cores"] = None

# What every job finds, whatever the user's shell has activated.
os.environ.update(job_shell.environment(PACKAGE))


def start_once():
    """Have jobs forked from one process, where they run on this machine and open no GPU."""
    try:
        if not EXPERIMENT.gpu:
            fork_server.start(
                job_shell.interpreter(), os.environ, EXPERIMENT.specs.plugins
            )
    except CollapseError as error:
        logger.warning(str(error))


def asked_for():
    """The files that Snakemake was asked for."""
    return {
        str(file) for job in workflow.dag.targetjobs for file in job.output or job.input
    }


# Locks that a killed Snakemake left behind are removed here; its jobs that still run are waited for by those that follow.
RUN_LOCK = RunLock(EXPERIMENT.plan.experiment)
if workflow.is_main_process:
    terminal.announce(logger, EXPERIMENT.start.watched(asked_for))
    if stale := RUN_LOCK.remove_stale():
        logger.warning(
            f"An earlier run was killed; its {len(stale)} lock(s) are removed."
        )
    for warning in EXPERIMENT.start.warnings():
        logger.warning(warning)
    # A living run's artifacts are its own to look at.
    if RUN_LOCK.is_free():
        is_run = partial(snakemake_state.runs_jobs, sys.argv[1:])
        finished = set(EXPERIMENT.outputs.artifacts()) - snakemake_state.incomplete()
        for sentence in [
            *snakemake_state.mended(),
            *integrity.mend(finished, DIGESTS.sha256, is_run),
        ]:
            logger.warning(printable_lines(sentence))
        DIGESTS.keep()


# In a Slurm job, Snakemake runs once more, with the steps of a generation, and calls no hooks.
if workflow.remote_exec and not elsewhere:
    start_once()


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
    if workflow.local_exec:
        start_once()
        # So as not to start more than a hundred jobs a second, Snakemake looks at all that are ready once a second, and
        # once more for every job that has ended: in a run of 173 jobs, a seventh of a core.
        workflow.scheduler.job_rate_limiter = None
    RUN_LOCK.hold()
    if n_future := files.date_back(Path("results", EXPERIMENT.plan.experiment)):
        logger.warning(
            f"{n_future} files were dated in the future: the clock was moved back. They are dated today now."
        )


wildcard_constraints:
    checkpoint="[a-z0-9-]+",
    rater="[a-z0-9-]+",
    world="[a-z0-9-]+",
    strategy="[a-z0-9-]+",
    seed=r"\d+",
    generation=r"\d+",


pathvars:
    experiment=f"results/{EXPERIMENT.plan.experiment}",
    arm=layout.ARM.replace("{experiment}", EXPERIMENT.plan.experiment),
    world=layout.WORLD.replace("{experiment}", EXPERIMENT.plan.experiment),


shell.prefix(
    job_shell.prefix(PACKAGE, explains_its_end=not terminal.takes_over(workflow))
)
