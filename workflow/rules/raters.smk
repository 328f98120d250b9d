# What gives texts labels, such as a leaning: fitted once for an experiment, to text of its own, and tested.
#
# inputs:  a package, the Hugging Face Hub or a local file (config: raters); the card of somebody's model, if it is one
# outputs: rater=NAME/rater.parquet, rater=NAME/held_out.parquet


rule rater:
    input:
        checkpoint=EXPERIMENT.inputs.checkpoint_of_rater,
    output:
        rater="<experiment>/rater={rater}/rater.parquet",
        held_out="<experiment>/rater={rater}/held_out.parquet",
    log:
        "<experiment>/rater={rater}/rater.log",
    params:
        spec=EXPERIMENT.specs.of_rater,
        code=EXPERIMENT.specs.code_of_rater,
    shell:
        """
        python -m collapse rater \
            --spec {params.spec:q} --code {params.code} --checkpoint {input.checkpoint:q} \
            --rater {output.rater:q} --held-out {output.held_out:q} &>{log:q}
        """
