# simulate: a whole chain of a closed-form world in one job, thousands of replicates at once.
#
# inputs:  nothing but the config
# outputs: metrics, theory and points (Parquet) of each world


rule simulate:
    output:
        metrics="<world>/metrics.parquet",
        theory="<world>/theory.parquet",
        points="<world>/points.parquet",
    log:
        "<world>/logs/simulate.log",
    params:
        spec=EXPERIMENT.specs.of_world,
        code=EXPERIMENT.specs.code_of_world,
    shell:
        """
        python -m collapse simulate \
            --spec {params.spec:q} --code {params.code} \
            --metrics {output.metrics:q} --theory {output.theory:q} --points {output.points:q} &>{log:q}
        """
