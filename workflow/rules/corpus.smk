# Real data in, fixed splits and token ids out; of a grammar, also the distribution itself.
#
# inputs:  a package, the Hugging Face Hub, a local file or a grammar (config: corpus); pretrained weights if asked for
# outputs: documents.parquet, tokenizer/, base_model/, truth.parquet


rule base_model:
    output:
        base_model="<experiment>/base_model/base_model.json",
    log:
        "<experiment>/logs/base_model.log",
    params:
        spec=EXPERIMENT.spec("base_model"),
        code=EXPERIMENT.code("base_model"),
    shell:
        """
        python -m collapse base_model \
            --spec {params.spec:q} --code {params.code} \
            --base-model {output.base_model:q} &>{log:q}
        """


rule corpus:
    input:
        base_model=EXPERIMENT.tokenizer_of_base_model,
    output:
        documents="<experiment>/documents.parquet",
        tokenizer="<experiment>/tokenizer/tokenizer.json",
    log:
        "<experiment>/logs/corpus.log",
    params:
        spec=EXPERIMENT.spec("corpus"),
        code=EXPERIMENT.code("corpus"),
    shell:
        """
        python -m collapse corpus \
            --spec {params.spec:q} --code {params.code} \
            --base-model {input.base_model:q} \
            --documents {output.documents:q} --tokenizer {output.tokenizer:q} &>{log:q}
        """


rule truth:
    input:
        tokenizer="<experiment>/tokenizer/tokenizer.json",
    output:
        truth="<experiment>/truth.parquet",
    log:
        "<experiment>/logs/truth.log",
    params:
        spec=EXPERIMENT.spec("truth"),
        code=EXPERIMENT.code("truth"),
    shell:
        """
        python -m collapse truth \
            --spec {params.spec:q} --code {params.code} \
            --tokenizer {input.tokenizer:q} --truth {output.truth:q} &>{log:q}
        """
