# collect → contrast: one tidy table of all arms and worlds, and paired differences between strategies.
#
# inputs:  every arm's metrics and mixture; every closed-form world's metrics, theory and points
# outputs: metrics.parquet, ancestry.parquet, theory.parquet, points.parquet, contrasts.parquet; stopping.parquet


rule collect:
    input:
        arms=EXPERIMENT.outputs.every("metrics.parquet"),
        mixtures=EXPERIMENT.outputs.every("mixture.parquet"),
        worlds=EXPERIMENT.outputs.every_world("metrics.parquet"),
        theories=EXPERIMENT.outputs.every_world("theory.parquet"),
        sweeps=EXPERIMENT.outputs.every_world("points.parquet"),
    output:
        metrics="<experiment>/metrics.parquet",
        ancestry="<experiment>/ancestry.parquet",
        theory="<experiment>/theory.parquet",
        points="<experiment>/points.parquet",
    log:
        "<experiment>/logs/collect.log",
    params:
        spec=EXPERIMENT.specs.of("collect"),
        code=EXPERIMENT.specs.code("collect"),
    shell:
        """
        python -m collapse collect \
            --spec {params.spec:q} --code {params.code} \
            --metrics {output.metrics:q} --ancestry {output.ancestry:q} \
            --theory {output.theory:q} --points {output.points:q} &>{log:q}
        """


rule contrast:
    input:
        metrics="<experiment>/metrics.parquet",
    output:
        contrasts="<experiment>/contrasts.parquet",
    log:
        "<experiment>/logs/contrast.log",
    params:
        spec=EXPERIMENT.specs.of("compare"),
        code=EXPERIMENT.specs.code("contrast"),
    shell:
        """
        python -m collapse contrast \
            --spec {params.spec:q} --code {params.code} \
            --metrics {input.metrics:q} --contrasts {output.contrasts:q} &>{log:q}
        """


rule stopping:
    input:
        metrics="<experiment>/metrics.parquet",
        # Not read: a Slurm job of all these asks for what runs at once, and this is not to be among the first.
        after="<experiment>/contrasts.parquet",
    output:
        stopping="<experiment>/stopping.parquet",
    log:
        "<experiment>/logs/stopping.log",
    params:
        spec=EXPERIMENT.specs.of("stopping"),
        code=EXPERIMENT.specs.code("stopping"),
    shell:
        """
        python -m collapse stopping \
            --spec {params.spec:q} --code {params.code} \
            --metrics {input.metrics:q} --stopping {output.stopping:q} &>{log:q}
        """
