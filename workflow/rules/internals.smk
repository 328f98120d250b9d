# Inside the models: neurons and layers of each, and which of them move with what is measured of samples.
#
# inputs:  models, held-out real text, metrics.parquet
# outputs: internals.parquet of every model; neurons.parquet, neuron_counts.parquet


rule internals:
    input:
        model="<arm>/model/model.json",
        generation_0=EXPERIMENT.inputs.generation_0,
        documents="<experiment>/documents.parquet",
    output:
        internals="<arm>/internals.parquet",
    log:
        "<arm>/logs/internals.log",
    priority: -1
    resources:
        gpu=EXPERIMENT.gpu,
    params:
        spec=EXPERIMENT.specs.of("internals"),
        code=EXPERIMENT.specs.code("internals"),
    shell:
        """
        python -m collapse internals \
            --spec {params.spec:q} --code {params.code} \
            --strategy {wildcards.strategy} --seed {wildcards.seed} --generation {wildcards.generation} \
            --model {input.model:q} --generation-0 {input.generation_0:q} --documents {input.documents:q} \
            --internals {output.internals:q} &>{log:q}
        """


rule neurons:
    input:
        metrics="<experiment>/metrics.parquet",
        # Not read: as with `stopping`, a Slurm job is to ask for less at once.
        after="<experiment>/contrasts.parquet",
        internals=EXPERIMENT.outputs.every_internals,
    output:
        neurons="<experiment>/neurons.parquet",
        counts="<experiment>/neuron_counts.parquet",
    log:
        "<experiment>/logs/neurons.log",
    params:
        spec=EXPERIMENT.specs.of("neurons"),
        code=EXPERIMENT.specs.code("neurons"),
    shell:
        """
        python -m collapse neurons \
            --spec {params.spec:q} --code {params.code} \
            --metrics {input.metrics:q} \
            --neurons {output.neurons:q} --neuron-counts {output.counts:q} &>{log:q}
        """
