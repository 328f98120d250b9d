"""How fast the project is, beside what one would otherwise use: `make benchmark`, or some of them by name:

    PYTHONPATH=workflow:tests python -m benchmarks [NAME …] [--rounds N]

Machines differ and are shared, so speed is a ratio of contestants that were measured in turn (A B A B) in one run. Each
time, a contestant is a fresh process; its CPU seconds are those of all its processes, user and system. A ratio is the
median over rounds of (theirs / ours) in the same round, its low and high the smallest and the largest round: for the
median of five rounds that is a 94 % interval, of three a 75 %, of two a 50 %. Every round is kept.
"""
