# collect → contrast: one tidy table of all arms, and paired differences between strategies.
#
# inputs:  every arm's metrics and mixture
# outputs: metrics.parquet, ancestry.parquet, contrasts.parquet


rule collect:
    input:
        arms=EXPERIMENT.every("metrics.parquet"),
        mixtures=EXPERIMENT.every("mixture.parquet"),
    output:
        metrics="<experiment>/metrics.parquet",
        ancestry="<experiment>/ancestry.parquet",
    log:
        "<experiment>/logs/collect.log",
    params:
        spec=EXPERIMENT.spec("collect"),
        code=EXPERIMENT.code("collect"),
    shell:
        """
        python -m collapse collect \
            --spec {params.spec:q} --code {params.code} \
            --metrics {output.metrics:q} --ancestry {output.ancestry:q} &>{log:q}
        """


rule contrast:
    input:
        metrics="<experiment>/metrics.parquet",
    output:
        contrasts="<experiment>/contrasts.parquet",
    log:
        "<experiment>/logs/contrast.log",
    params:
        spec=EXPERIMENT.spec("report"),
        code=EXPERIMENT.code("contrast"),
    shell:
        """
        python -m collapse contrast \
            --spec {params.spec:q} --code {params.code} \
            --metrics {input.metrics:q} --contrasts {output.contrasts:q} &>{log:q}
        """
