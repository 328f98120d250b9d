"""`python -m collapse COMMAND`: in the fork server of the run if there is one, else in this process."""

import sys

from collapse.running import faults

if __name__ == "__main__":
    faults.explain_signals()  # what follows imports for seconds

    from collapse.running import fork_client

    if (status := fork_client.delegated(sys.argv[1:])) is not None:
        sys.exit(status)
    from collapse.command_line import run_to_the_end

    run_to_the_end()
