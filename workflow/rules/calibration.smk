# calibration_figure: what measures of text say beside the exact distance, where the source of real text is known.
#
# inputs:  metrics.parquet of an experiment on a grammar
# outputs: figures/calibration.svg


rule calibration_figure:
    input:
        metrics="<experiment>/metrics.parquet",
    output:
        figure="<experiment>/figures/calibration.svg",
    log:
        "<experiment>/logs/calibration_figure.log",
    params:
        spec=EXPERIMENT.specs.of("compare"),
        code=EXPERIMENT.specs.code("calibration_figure"),
    shell:
        """
        python -m collapse calibration_figure \
            --spec {params.spec:q} --code {params.code} \
            --metrics {input.metrics:q} --figure {output.figure:q} &>{log:q}
        """
