# Read by the shell of a job where nobody else explains how it ended, as in a Slurm job: what it could not say itself.
trap 'status=$?; case $status in 28|137) python -m collapse.running.faults $status;; esac' EXIT
