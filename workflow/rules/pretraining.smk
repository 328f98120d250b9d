# pretraining: a base model, once for all experiments with the same recipe (config: pretraining).
#
# inputs:  a package, the Hugging Face Hub or a local file
# outputs: results/base-<recipe>/: documents.parquet, tokenizer/, a model with its training log and its own test loss,
#          audit.parquet
#
# It is generation 0 of a loop from scratch, so the rules of the loop make it. Of a recipe whose model comes with the
# project (workflow/base_models/), only the corpus and the tokenizer are made.
PRETRAINING = EXPERIMENT.pretraining
BASE = PRETRAINING.folder
BASE_ARM = layout.ARM.replace("results/{experiment}", BASE)


use rule corpus as pretraining_corpus with:
    input:
        given_tokenizer=[],
        pretraining_documents=[],
    output:
        documents=f"{BASE}/documents.parquet",
        encoding=f"{BASE}/tokenizer/tokenizer.json",
    log:
        f"{BASE}/logs/corpus.log",
    params:
        spec=PRETRAINING.spec("corpus"),
        code=PRETRAINING.code("corpus"),


use rule mix as pretraining_mix with:
    input:
        documents=f"{BASE}/documents.parquet",
        samples=[],
        verdicts=[],
    output:
        mixture=f"{BASE_ARM}/mixture.parquet",
    log:
        f"{BASE_ARM}/logs/mix.log",
    params:
        spec=PRETRAINING.spec("mix"),
        code=PRETRAINING.code("mix"),


use rule train as pretraining_train with:
    input:
        mixture=f"{BASE_ARM}/mixture.parquet",
        documents=f"{BASE}/documents.parquet",
        samples=[],
        encoding=f"{BASE}/tokenizer/tokenizer.json",
        initial=[],
    output:
        model=f"{BASE_ARM}/model/model.json",
        training_log=f"{BASE_ARM}/training_log.parquet",
    log:
        f"{BASE_ARM}/logs/train.log",
    params:
        spec=PRETRAINING.spec("train"),
        code=PRETRAINING.code("train"),


use rule evaluate as pretraining_evaluate with:
    input:
        model=f"{BASE_ARM}/model/model.json",
        generation_0=f"{BASE_ARM}/model/model.json",
        documents=f"{BASE}/documents.parquet",
        mixture=f"{BASE_ARM}/mixture.parquet",
        samples=[],
        verdicts=[],
        truth=[],
        references=[],
        encoding=[],
        raters=[],
        checkpoints=[],
        base_model=[],
    output:
        document_losses=f"{BASE_ARM}/document_losses.parquet",
        metrics=f"{BASE_ARM}/metrics.parquet",
    log:
        f"{BASE_ARM}/logs/evaluate.log",
    params:
        spec=PRETRAINING.spec("evaluate"),
        code=PRETRAINING.code("evaluate"),


use rule audit as pretraining_audit with:
    input:
        PRETRAINING.made,
    output:
        audit=PRETRAINING.audit,
    log:
        f"{BASE}/logs/audit.log",
    params:
        results=BASE,
        spec=PRETRAINING.audit_spec,
        code=PRETRAINING.code("audit"),
