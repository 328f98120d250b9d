# claims: what papers say, checked against what was measured.
#
# inputs:  metrics.parquet, theory.parquet, points.parquet
# outputs: claims.parquet


rule claims:
    input:
        metrics="<experiment>/metrics.parquet",
        theory="<experiment>/theory.parquet",
        points="<experiment>/points.parquet",
    output:
        claims="<experiment>/claims.parquet",
    log:
        "<experiment>/logs/claims.log",
    params:
        spec=EXPERIMENT.specs.of("claims"),
        code=EXPERIMENT.specs.code("claims"),
    shell:
        """
        python -m collapse claims \
            --spec - --code {params.code} \
            --metrics {input.metrics:q} --theory {input.theory:q} --points {input.points:q} \
            --claims {output.claims:q} <<<{params.spec:q} &>{log:q}
        """
