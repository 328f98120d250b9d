# Where the package is, and a look at the config files before Snakemake reads them: it takes the last of two equal keys,
# and names neither file nor line of what it cannot read. (Those of --configfile it has read by now, to their last key;
# one that it could not is told of by `collapse.terminal.early`.)
import sys
from pathlib import Path

PACKAGE = Path(workflow.basedir, "workflow")
sys.path.insert(0, str(PACKAGE))

from snakemake.exceptions import WorkflowError

from collapse.config.files import check
from collapse.errors import CollapseError
from collapse.plain_text import printable_lines

try:
    check([*workflow.configfiles, "config.yaml"])
except CollapseError as error:
    raise WorkflowError(printable_lines(str(error))) from None
