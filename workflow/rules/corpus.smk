# Real data in, fixed splits and numbers out (token ids, pixels); of a grammar, also the distribution itself.
#
# inputs:  a package, the Hugging Face Hub, a local file or a grammar (config: corpus); pretrained weights if asked for
# outputs: documents.parquet, tokenizer/ or encoding.json, base_model/, references.parquet, truth.parquet


rule base_model:
    input:
        pretrained=EXPERIMENT.inputs.pretrained,
        tokenizer=EXPERIMENT.inputs.pretraining_tokenizer,
    output:
        base_model="<experiment>/base_model/base_model.json",
    log:
        "<experiment>/logs/base_model.log",
    params:
        spec=EXPERIMENT.specs.of("base_model"),
        code=EXPERIMENT.specs.code("base_model"),
    shell:
        """
        python -m collapse base_model \
            --spec {params.spec:q} --code {params.code} \
            --pretrained {input.pretrained:q} --tokenizer {input.tokenizer:q} \
            --base-model {output.base_model:q} &>{log:q}
        """


rule corpus:
    input:
        given_tokenizer=EXPERIMENT.inputs.given_tokenizer,
        pretraining_documents=EXPERIMENT.inputs.pretraining_documents,
    output:
        documents="<experiment>/documents.parquet",
        encoding=EXPERIMENT.inputs.encoding,
    log:
        "<experiment>/logs/corpus.log",
    params:
        spec=EXPERIMENT.specs.of("corpus"),
        code=EXPERIMENT.specs.code("corpus"),
    shell:
        """
        python -m collapse corpus \
            --spec {params.spec:q} --code {params.code} \
            --given-tokenizer {input.given_tokenizer:q} --pretraining-documents {input.pretraining_documents:q} \
            --documents {output.documents:q} --encoding {output.encoding:q} &>{log:q}
        """


rule references:
    input:
        documents="<experiment>/documents.parquet",
        pretraining_documents=EXPERIMENT.inputs.pretraining_documents,
        encoding=EXPERIMENT.inputs.encoding,
    output:
        references="<experiment>/references.parquet",
    log:
        "<experiment>/logs/references.log",
    # Of text, no generation waits for it.
    priority: -1
    params:
        spec=EXPERIMENT.specs.of("references"),
        code=EXPERIMENT.specs.code("references"),
    shell:
        """
        python -m collapse references \
            --spec {params.spec:q} --code {params.code} \
            --documents {input.documents:q} --pretraining-documents {input.pretraining_documents:q} \
            --encoding {input.encoding:q} --references {output.references:q} &>{log:q}
        """


rule truth:
    input:
        tokenizer="<experiment>/tokenizer/tokenizer.json",
    output:
        truth="<experiment>/truth.parquet",
    log:
        "<experiment>/logs/truth.log",
    params:
        spec=EXPERIMENT.specs.of("truth"),
        code=EXPERIMENT.specs.code("truth"),
    shell:
        """
        python -m collapse truth \
            --spec {params.spec:q} --code {params.code} \
            --tokenizer {input.tokenizer:q} --truth {output.truth:q} &>{log:q}
        """
