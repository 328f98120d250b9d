# The map of the workflow. `snakemake -n` says what would run; `snakemake` runs it.
include: "workflow/rules/config.smk"


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/corpus.smk"
include: "workflow/rules/checkpoints.smk"
include: "workflow/rules/raters.smk"
include: "workflow/rules/generation_loop.smk"
include: "workflow/rules/simulation.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/internals.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/extra_figures.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/report.smk"


if EXPERIMENT.pretraining:

    include: "workflow/rules/pretraining.smk"


if workflow.is_main_process:
    fingerprint.keep(FINGERPRINTS)


# The report and everything it stands on: a deleted artifact is made again, though the report would not need it.
rule all:
    default_target: True
    input:
        EXPERIMENT.outputs.artifacts(),


# Every model and its measurements, without the report.
rule measurements:
    input:
        f"results/{EXPERIMENT.plan.experiment}/metrics.parquet",
