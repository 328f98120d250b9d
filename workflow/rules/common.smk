# The checked plan and the environment of every job. What a rule asks about the plan is in `collapse.experiment`.

# A chain of generations is one input function inside another.
sys.setrecursionlimit(20_000)

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from collapse import cluster, files, fork_server, job_shell, layout
from collapse.config import load_plan
from collapse.experiment import Experiment
from collapse.errors import CollapseError
from collapse.run_lock import RunLock

try:
    EXPERIMENT = Experiment(
        load_plan(config, " + ".join(map(str, workflow.configfiles)))
    )
    elsewhere = any(word.startswith(("--executor", "--profile")) for word in sys.argv)
    EXPERIMENT.check_claims()
    if workflow.is_main_process:
        EXPERIMENT.check_size(
            jobs_run_here=not elsewhere,
            granted=cluster.memory_granted(
                workflow.resource_settings, workflow.group_settings.overwrite_groups
            ),
        )
    EXPERIMENT.check_machine(
        jobs_run_here=not elsewhere,
        same_python=job_shell.interpreter() == sys.executable,
    )
except CollapseError as error:
    raise WorkflowError(str(error)) from None


def start_once():
    """Have jobs forked from one process, where they run on this machine and open no GPU."""
    environment = job_shell.environment(PACKAGE)
    try:
        if not EXPERIMENT.gpu:
            fork_server.start(job_shell.interpreter(), environment, EXPERIMENT.plugins)
    except CollapseError as error:
        logger.warning(str(error))


# Locks that a killed Snakemake left behind are removed here; its jobs that still run are waited for by those that follow.
RUN_LOCK = RunLock(EXPERIMENT.plan.experiment)
if workflow.is_main_process:
    if stale := RUN_LOCK.remove_stale():
        logger.warning(
            f"An earlier run was killed; its {len(stale)} lock(s) are removed."
        )
    for warning in EXPERIMENT.warnings():
        logger.warning(warning)


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
    world="[a-z0-9-]+",
    strategy="[a-z0-9-]+",
    seed=r"\d+",
    generation=r"\d+",


pathvars:
    experiment=f"results/{EXPERIMENT.plan.experiment}",
    arm=layout.ARM.replace("{experiment}", EXPERIMENT.plan.experiment),
    world=layout.WORLD.replace("{experiment}", EXPERIMENT.plan.experiment),


shell.prefix(job_shell.prefix(PACKAGE))
