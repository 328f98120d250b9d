# extra_figure: what not every experiment has: measures of text beside the exact distance, and how good a verifier must be,
# where the truth is known; what raters say, where there are some.
#
# inputs:  metrics.parquet
# outputs: figures/calibration.svg, figures/verification.svg, figures/ratings.svg


rule extra_figure:
    input:
        metrics="<experiment>/metrics.parquet",
    output:
        figure="<experiment>/figures/{extra}.svg",
    log:
        "<experiment>/logs/{extra}_figure.log",
    wildcard_constraints:
        extra="calibration|verification|ratings",
    params:
        spec=EXPERIMENT.specs.of("compare"),
        code=EXPERIMENT.specs.code("extra_figure"),
    shell:
        """
        python -m collapse extra_figure \
            --spec {params.spec:q} --code {params.code} --name {wildcards.extra} \
            --metrics {input.metrics:q} --figure {output.figure:q} &>{log:q}
        """
