"""A Slurm cluster of two virtual nodes on this machine, from Debian's packages, for as long as the tests run."""

import os
import platform
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from projects import state_of, wait_until

ETC = Path("/etc/slurm")
CONFIGS = ("slurm.conf", "gres.conf", "cgroup.conf")
NODES = ("alpha", "beta")
PREFIX = "collapse-slurm."
DAEMONS = (*(f"slurmd.{node}" for node in NODES), "slurmctld", "munged")
GPUS = 2
"""On each node; nothing stands behind them, they are only counted."""

CONFIG = """
ClusterName=collapse
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A job that was requeued waits until its credential has expired.
AuthInfo=socket={home}/munge.socket,cred_expire=10
CredType=cred/munge
MpiDefault=none
MailProg=/bin/true
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool.%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.%n.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd.%n.log
# Nothing is confined, so that it runs in containers; what a node has is only counted.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,bf_interval=5
GresTypes=gpu
# squeue must remember a job that ended until Snakemake has asked for it.
MinJobAge=3600
SlurmdTimeout=20
ReturnToService=2
KillWait=5
JobRequeue=1
{nodes}
PartitionName=main Nodes={names} Default=YES MaxTime=240 State=UP
"""


class Cluster:
    """munged, slurmctld and a slurmd for each node, without systemd."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def configure(self) -> None:
        """Write what the daemons read."""
        home = self.home
        nodes = [
            f"NodeName={name} NodeHostname={_host()} NodeAddr=127.0.0.1 Port={17_000 + number} CPUs=4 RealMemory=64000 "
            f"Gres=gpu:{GPUS} State=UNKNOWN"
            for number, name in enumerate(NODES)
        ]
        config = CONFIG.format(home=home, host=_host(), nodes="\n".join(nodes), names=",".join(NODES))
        (home / "state").mkdir()
        for number in range(GPUS):
            (home / f"gpu{number}").symlink_to("/dev/zero")
        (home / "slurm.conf").write_text(config)
        (home / "gres.conf").write_text(f"Name=gpu File={home}/gpu[0-{GPUS - 1}]\n")
        (home / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        (home / "owner").write_text(str(os.getpid()))
        key = home / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(1024))

    def is_owned(self) -> bool:
        """Whether the process that made it still runs."""
        owner = self.home / "owner"
        return owner.exists() and Path("/proc", owner.read_text()).exists()

    def start(self) -> None:
        """Start every daemon and wait until the nodes take jobs."""
        ETC.mkdir(exist_ok=True)
        for name in CONFIGS:
            (ETC / name).symlink_to(self.home / name)  # Snakemake takes SLURM_CONF out of its jobs' environment
        files = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid", "log-file": "munged.log"}
        options = [f"--{option}={self.home / name}" for option, name in files.items()]
        _run("munged", *options, f"--seed-file={self.home}/munged.seed")
        _run("slurmctld")
        for node in NODES:
            self.start_node(node)

    def start_node(self, node: str) -> None:
        """Start a node's daemon and wait until it takes jobs."""
        _run("slurmd", "-N", node)

        def takes_jobs() -> bool:
            return _run("sinfo", "-h", "-n", node, "-o", "%T", check=False).strip() in ("idle", "mixed", "allocated")

        wait_until(takes_jobs, f"node {node} to take jobs", lambda: _run("sinfo", "-l") + self.log(f"slurmd.{node}"))

    def stop(self) -> None:
        """Cancel all jobs, end every daemon that was started, and leave nothing in /etc/slurm."""
        started = [name for name in DAEMONS if (self.home / f"{name}.pid").exists()]
        if "slurmctld" in started:
            self.cancel_all()
        for name in started:
            self.kill(name, signal.SIGTERM)
        for name in CONFIGS:
            (ETC / name).unlink(missing_ok=True)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a daemon a signal, and wait for its end."""
        process = int((self.home / f"{name}.pid").read_text())
        os.kill(process, number)
        wait_until(lambda: state_of(process) in ("", "Z"), f"the end of {name}", lambda: self.log(name))

    def log(self, name: str) -> str:
        """The end of a daemon's log."""
        path = self.home / f"{name}.log"
        return path.read_text()[-2000:] if path.exists() else ""

    def jobs(self) -> dict[str, str]:
        """State of every job that waits or runs, by its number."""
        lines = _run("squeue", "-h", "-o", "%i %T", "--states=PENDING,CONFIGURING,RUNNING,COMPLETING").splitlines()
        return dict(line.split() for line in lines)

    def running(self) -> list[str]:
        """Numbers of the jobs that run."""
        return [number for number, state in self.jobs().items() if state == "RUNNING"]

    def wait_until_empty(self) -> None:
        """Wait until no job waits or runs."""
        wait_until(lambda: not self.jobs(), "the last Slurm job to end", lambda: _run("squeue"))

    def cancel_all(self) -> None:
        """Cancel every job, and wait until none is left."""
        _run("scancel", "--quiet", "--user=root", check=False)
        self.wait_until_empty()


def _host() -> str:
    return platform.node().partition(".")[0]


def _run(*command: str, check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The running cluster. One that belongs to this machine is left alone."""
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"Slurm is not installed ({', '.join(missing)} missing); `make test-slurm` installs it, as root")
    if os.getuid():
        pytest.skip("only root can start a Slurm cluster")
    left = Cluster((ETC / CONFIGS[0]).resolve().parent)
    if left.home.name.startswith(PREFIX) and not left.is_owned():  # of tests that were killed
        left.stop()
    if any((ETC / name).exists() for name in CONFIGS):
        pytest.skip("this machine has a Slurm of its own in /etc/slurm, which is left alone")
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # munged wants others to reach its socket
        cluster = Cluster(Path(folder))
        cluster.configure()
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
