"""How much a finished job has trained, from what it left."""

import pyarrow as pa
import pyarrow.parquet as pq

from collapse.terminal.run import Job

SEEN = "tokens_seen"


def tokens_trained(job: Job) -> int:
    """Tokens that a job's training log ends with, from the table's footer; 0 for a job that leaves none, or no text."""
    path = next((path for path in job.outputs if path.endswith("/training_log.parquet")), None)
    if path is None:
        return 0
    try:
        footer = pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return 0
    if SEEN not in footer.schema.names:
        return 0
    column = footer.schema.names.index(SEEN)
    found = [footer.row_group(group).column(column).statistics for group in range(footer.num_row_groups)]
    return max((int(one.max) for one in found if one and one.has_min_max), default=0)
