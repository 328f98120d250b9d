# figure → report: what a reader sees.
#
# inputs:  metrics.parquet, contrasts.parquet, ancestry.parquet, documents.parquet, samples and sampling records;
#          theory.parquet, claims.parquet and every closed-form world's tables; audit.parquet
# outputs: figures/*.svg, report.html


rule figure:
    input:
        metrics="<experiment>/metrics.parquet",
        contrasts="<experiment>/contrasts.parquet",
        ancestry="<experiment>/ancestry.parquet",
        references="<experiment>/references.parquet",
    output:
        test_loss="<experiment>/figures/test_loss.svg",
        diversity="<experiment>/figures/diversity.svg",
        contrasts="<experiment>/figures/contrasts.svg",
        ancestry="<experiment>/figures/ancestry.svg",
    log:
        "<experiment>/logs/figure.log",
    params:
        spec=EXPERIMENT.specs.of("compare"),
        code=EXPERIMENT.specs.code("figure"),
    shell:
        """
        python -m collapse figure \
            --spec {params.spec:q} --code {params.code} \
            --metrics {input.metrics:q} --contrasts {input.contrasts:q} --ancestry {input.ancestry:q} \
            --references {input.references:q} \
            --test-loss {output.test_loss:q} --diversity {output.diversity:q} \
            --contrast-figure {output.contrasts:q} --ancestry-figure {output.ancestry:q} &>{log:q}
        """


rule world_figure:
    input:
        metrics="<world>/metrics.parquet",
        theory="<world>/theory.parquet",
        points="<world>/points.parquet",
    output:
        figure="<experiment>/figures/world={world}.svg",
    log:
        "<world>/logs/world_figure.log",
    # Long simulations first, so that none is left alone at the end.
    priority: -1
    params:
        spec=EXPERIMENT.specs.of_world_figure,
        code=EXPERIMENT.specs.code("world_figure"),
    shell:
        """
        python -m collapse world_figure \
            --spec {params.spec:q} --code {params.code} \
            --metrics {input.metrics:q} --theory {input.theory:q} --points {input.points:q} \
            --figure {output.figure:q} &>{log:q}
        """


rule report:
    input:
        metrics="<experiment>/metrics.parquet",
        contrasts="<experiment>/contrasts.parquet",
        ancestry="<experiment>/ancestry.parquet",
        theory="<experiment>/theory.parquet",
        claims=EXPERIMENT.inputs.claims,
        documents=EXPERIMENT.inputs.documents,
        references=EXPERIMENT.inputs.references,
        samples=EXPERIMENT.outputs.every_drawn("samples.parquet"),
        records=EXPERIMENT.outputs.every_drawn("sampling_record.json"),
        figures=EXPERIMENT.outputs.loop_figures,
        world_figures=EXPERIMENT.outputs.world_figures,
        held_out=EXPERIMENT.outputs.every_held_out,
        neuron_counts=EXPERIMENT.inputs.neuron_counts,
        stopping=EXPERIMENT.inputs.stopping,
        internals=EXPERIMENT.outputs.every_internals,
        audit="<experiment>/audit.parquet",
        templates=EXPERIMENT.inputs.templates,
    output:
        report="<experiment>/report.html",
    log:
        "<experiment>/logs/report.log",
    params:
        spec=EXPERIMENT.specs.of("report"),
        code=EXPERIMENT.specs.code("report"),
        templates=EXPERIMENT.specs.templates_digest,
    shell:
        """
        python -m collapse report \
            --spec - --code {params.code} \
            --metrics {input.metrics:q} --contrasts {input.contrasts:q} --ancestry {input.ancestry:q} \
            --theory {input.theory:q} --claims {input.claims:q} --documents {input.documents:q} \
            --references {input.references:q} \
            --held-out {input.held_out:q} --neuron-counts {input.neuron_counts:q} --stopping {input.stopping:q} \
            --figures {input.figures:q} --world-figures {input.world_figures:q} --audit {input.audit:q} \
            --report {output.report:q} \
            <<<{params.spec:q} &>{log:q}
        """
