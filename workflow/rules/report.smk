# figure → report: what a reader sees.
#
# inputs:  metrics.parquet, contrasts.parquet, ancestry.parquet, documents.parquet, samples and sampling records
# outputs: figures/*.svg, report.html


rule figure:
    input:
        metrics="<experiment>/metrics.parquet",
        contrasts="<experiment>/contrasts.parquet",
        ancestry="<experiment>/ancestry.parquet",
    output:
        test_loss="<experiment>/figures/test_loss.svg",
        diversity="<experiment>/figures/diversity.svg",
        contrasts="<experiment>/figures/contrasts.svg",
        ancestry="<experiment>/figures/ancestry.svg",
    log:
        "<experiment>/logs/figure.log",
    params:
        spec=EXPERIMENT.spec("report"),
        code=EXPERIMENT.code("figure"),
    shell:
        """
        python -m collapse figure \
            --spec {params.spec:q} --code {params.code} \
            --metrics {input.metrics:q} --contrasts {input.contrasts:q} --ancestry {input.ancestry:q} \
            --test-loss {output.test_loss:q} --diversity {output.diversity:q} \
            --contrast-figure {output.contrasts:q} --ancestry-figure {output.ancestry:q} &>{log:q}
        """


rule report:
    input:
        metrics="<experiment>/metrics.parquet",
        contrasts="<experiment>/contrasts.parquet",
        ancestry="<experiment>/ancestry.parquet",
        documents="<experiment>/documents.parquet",
        samples=EXPERIMENT.every_drawn("samples.parquet"),
        records=EXPERIMENT.every_drawn("sampling_record.json"),
        figures=rules.figure.output,
        template="workflow/report/report.html.jinja",
    output:
        report="<experiment>/report.html",
    log:
        "<experiment>/logs/report.log",
    params:
        spec=EXPERIMENT.spec("report"),
        code=EXPERIMENT.code("report"),
    shell:
        """
        python -m collapse report \
            --spec {params.spec:q} --code {params.code} \
            --metrics {input.metrics:q} --contrasts {input.contrasts:q} --ancestry {input.ancestry:q} \
            --documents {input.documents:q} --figures {input.figures:q} --report {output.report:q} &>{log:q}
        """
