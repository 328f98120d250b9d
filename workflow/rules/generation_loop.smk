# generate → verify → mix → train → evaluate, once per generation of each strategy and seed.
#
# inputs:  documents.parquet, how its values are written (tokenizer/ or encoding.json), the model of the generation before, and truth.parquet if there is one
# outputs: samples, verdicts, mixture, training_log, document_losses and metrics (Parquet), model/
#
# Generation 0 is trained on real text alone, so all strategies share it, under the strategy `real`; so they do the
# samples of generation 1, which it writes.


rule generate:
    input:
        model=EXPERIMENT.inputs.model_before,
        documents="<experiment>/documents.parquet",
        encoding=EXPERIMENT.inputs.encoding,
        edited=EXPERIMENT.inputs.edited,
    output:
        samples="<arm>/samples.parquet",
        sampling_record="<arm>/sampling_record.json",
    log:
        "<arm>/logs/generate.log",
    wildcard_constraints:
        generation=r"[1-9]\d*",
    resources:
        gpu=EXPERIMENT.gpu,
    params:
        spec=EXPERIMENT.specs.of("generate"),
        code=EXPERIMENT.specs.code("generate"),
    shell:
        """
        python -m collapse generate \
            --spec {params.spec:q} --code {params.code} \
            --strategy {wildcards.strategy} --seed {wildcards.seed} --generation {wildcards.generation} \
            --model {input.model:q} --documents {input.documents:q} --encoding {input.encoding:q} \
            --edited {input.edited:q} --samples {output.samples:q} --sampling-record {output.sampling_record:q} &>{log:q}
        """


rule verify:
    input:
        samples=EXPERIMENT.inputs.own_samples,
        documents="<experiment>/documents.parquet",
        judge=EXPERIMENT.inputs.judge,
        base_model=EXPERIMENT.inputs.base_asked,
        truth=EXPERIMENT.inputs.truth_compared,
        raters=EXPERIMENT.inputs.raters_asked,
        checkpoints=EXPERIMENT.inputs.checkpoints_asked,
        encoding=EXPERIMENT.inputs.marked_in,
    output:
        verdicts="<arm>/verdicts.parquet",
    log:
        "<arm>/logs/verify.log",
    wildcard_constraints:
        generation=r"[1-9]\d*",
    resources:
        gpu=EXPERIMENT.gpu,
    params:
        spec=EXPERIMENT.specs.of("verify"),
        code=EXPERIMENT.specs.code("verify"),
    shell:
        """
        python -m collapse verify \
            --spec {params.spec:q} --code {params.code} \
            --strategy {wildcards.strategy} --seed {wildcards.seed} --generation {wildcards.generation} \
            --samples {input.samples:q} --documents {input.documents:q} --judge {input.judge:q} \
            --base-model {input.base_model:q} --truth {input.truth:q} --raters {input.raters:q} \
            --checkpoints {input.checkpoints:q} --encoding {input.encoding:q} \
            --verdicts {output.verdicts:q} &>{log:q}
        """


rule mix:
    input:
        documents="<experiment>/documents.parquet",
        samples=EXPERIMENT.inputs.samples_read,
        verdicts=EXPERIMENT.inputs.verdicts_read,
    output:
        mixture="<arm>/mixture.parquet",
    log:
        "<arm>/logs/mix.log",
    params:
        spec=EXPERIMENT.specs.of("mix"),
        code=EXPERIMENT.specs.code("mix"),
    shell:
        """
        python -m collapse mix \
            --spec {params.spec:q} --code {params.code} \
            --strategy {wildcards.strategy} --seed {wildcards.seed} --generation {wildcards.generation} \
            --documents {input.documents:q} --samples {input.samples:q} --verdicts {input.verdicts:q} \
            --mixture {output.mixture:q} &>{log:q}
        """


rule train:
    input:
        mixture="<arm>/mixture.parquet",
        documents="<experiment>/documents.parquet",
        samples=EXPERIMENT.inputs.samples_read,
        encoding=EXPERIMENT.inputs.encoding,
        initial=EXPERIMENT.inputs.initial,
    output:
        model="<arm>/model/model.json",
        training_log="<arm>/training_log.parquet",
    log:
        "<arm>/logs/train.log",
    resources:
        gpu=EXPERIMENT.gpu,
        # How jobs run, so no part of what decides the weights: another value reruns nothing.
        checkpoint_minutes=10,
    params:
        spec=EXPERIMENT.specs.of("train"),
        code=EXPERIMENT.specs.code("train"),
    shell:
        """
        python -m collapse train \
            --spec {params.spec:q} --code {params.code} \
            --strategy {wildcards.strategy} --seed {wildcards.seed} --generation {wildcards.generation} \
            --mixture {input.mixture:q} --documents {input.documents:q} --samples {input.samples:q} \
            --encoding {input.encoding:q} --initial {input.initial:q} \
            --checkpoint-minutes {resources.checkpoint_minutes} \
            --model {output.model:q} --training-log {output.training_log:q} &>{log:q}
        """


rule evaluate:
    input:
        model="<arm>/model/model.json",
        generation_0=EXPERIMENT.inputs.generation_0,
        documents="<experiment>/documents.parquet",
        mixture="<arm>/mixture.parquet",
        samples=EXPERIMENT.inputs.own_samples,
        verdicts=EXPERIMENT.inputs.own_verdicts,
        truth=EXPERIMENT.inputs.truth,
        references=EXPERIMENT.inputs.yardstick,
        raters=EXPERIMENT.inputs.raters,
        checkpoints=EXPERIMENT.inputs.raters_checkpoints,
        base_model=EXPERIMENT.inputs.base_read,
        encoding=EXPERIMENT.inputs.measured_in,
    output:
        document_losses="<arm>/document_losses.parquet",
        metrics="<arm>/metrics.parquet",
    log:
        "<arm>/logs/evaluate.log",
    # No generation waits for it, so it gives way to what the next one needs.
    priority: -1
    resources:
        gpu=EXPERIMENT.gpu,
    params:
        spec=EXPERIMENT.specs.of("evaluate"),
        code=EXPERIMENT.specs.code("evaluate"),
    shell:
        """
        python -m collapse evaluate \
            --spec {params.spec:q} --code {params.code} \
            --strategy {wildcards.strategy} --seed {wildcards.seed} --generation {wildcards.generation} \
            --model {input.model:q} --generation-0 {input.generation_0:q} --documents {input.documents:q} \
            --mixture {input.mixture:q} --samples {input.samples:q} --verdicts {input.verdicts:q} \
            --truth {input.truth:q} --references {input.references:q} --encoding {input.encoding:q} \
            --raters {input.raters:q} --checkpoints {input.checkpoints:q} --base-model {input.base_model:q} \
            --document-losses {output.document_losses:q} --metrics {output.metrics:q} &>{log:q}
        """
