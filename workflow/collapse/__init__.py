"""What happens to models trained on data that models made.

The package has three layers, and imports go down only: `stages` (files in, files out) call the science
(`strategies`, `corpora`, `families`, `engines`, `verifiers`, `metrics`, `stats`, `plots`), which rests on the
vocabulary (`contracts`, `config`, `layout`, `lineage`, `randomness`, `sequences`, `fingerprint`, `errors`).
"""
