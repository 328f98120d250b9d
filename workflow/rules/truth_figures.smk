# truth_figure: what measures of text say beside the exact distance, and how good a verifier must be, where the truth is
# known.
#
# inputs:  metrics.parquet
# outputs: figures/calibration.svg, figures/verification.svg


rule truth_figure:
    input:
        metrics="<experiment>/metrics.parquet",
    output:
        figure="<experiment>/figures/{known}.svg",
    log:
        "<experiment>/logs/{known}_figure.log",
    wildcard_constraints:
        known="calibration|verification",
    params:
        spec=EXPERIMENT.specs.of("compare"),
        code=EXPERIMENT.specs.code("truth_figure"),
    shell:
        """
        python -m collapse truth_figure \
            --spec {params.spec:q} --code {params.code} --name {wildcards.known} \
            --metrics {input.metrics:q} --figure {output.figure:q} &>{log:q}
        """
