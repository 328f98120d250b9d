# audit: every artifact against its contract and its neighbours; what is damaged is set aside, to be made again.
#
# inputs:  every table, card, sampling record and figure of the experiment
# outputs: audit.parquet, if all checks passed


rule audit:
    input:
        EXPERIMENT.outputs.audited,
    output:
        audit="<experiment>/audit.parquet",
    log:
        "<experiment>/logs/audit.log",
    params:
        results=EXPERIMENT.folder,
        spec=EXPERIMENT.specs.of("audit"),
        code=EXPERIMENT.specs.code("audit"),
    shell:
        """
        python -m collapse audit {params.results:q} \
            --spec {params.spec:q} --code {params.code} --set-aside \
            --audit {output.audit:q} &>{log:q}
        """
