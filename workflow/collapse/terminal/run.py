"""What is known of a run while it goes on: a state that Snakemake's events change."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from collapse.terminal.watched import Watched

TARGETS = frozenset({"all", "measurements"})
"""Rules that make nothing themselves."""

FEWEST_JOBS, FEWEST_SECONDS = 3, 3.0
"""What a run must have behind it before its speed says how long it will take."""


@dataclass(frozen=True)
class Job:
    """A job that was started.

    Attributes:
        rule: Its rule.
        wildcards: What it is about: strategy, seed and generation, or a closed-form world.
        outputs, logs: Its files.
        command: What its shell was told.
        began: When, in seconds since the epoch.
    """

    rule: str
    wildcards: Mapping[str, str]
    outputs: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    command: str = ""
    began: float = 0.0

    @property
    def about(self) -> str:
        """What it is about: `replace, seed 1, generation 3`."""
        names = ("strategy", "world")
        parts = [value if key in names else f"{key} {value}" for key, value in self.wildcards.items()]
        return ", ".join(parts)

    @property
    def name(self) -> str:
        """`train of replace, seed 1, generation 3`."""
        return f"{self.rule} of {self.about}" if self.about else self.rule

    @property
    def generation(self) -> int:
        """The generation it belongs to, 0 outside the loop."""
        return int(self.wildcards.get("generation", 0))


@dataclass
class Run:
    """A run so far.

    Attributes:
        watched: What the Snakefile told of it.
        planned, finished: Jobs by rule.
        running: Jobs that were started and have not ended, by Snakemake's number.
        n_failed: Jobs that failed for good.
        n_tokens: Tokens that the finished jobs trained on.
        began: When its first job was started, in seconds since the epoch; None before.
        generation: The newest that samples were drawn for.
    """

    tokens_trained: Callable[[Job], int] = lambda _job: 0
    watched: Watched | None = None
    planned: Counter[str] = field(default_factory=Counter)
    finished: Counter[str] = field(default_factory=Counter)
    running: dict[int, Job] = field(default_factory=dict)
    n_failed: int = 0
    n_tokens: int = 0
    began: float | None = None
    generation: int = 0
    _seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def plan(self, jobs: Mapping[str, int]) -> None:
        """Take what will be run: jobs by rule."""
        self.planned = Counter({rule: n for rule, n in jobs.items() if rule not in TARGETS | {"total"}})

    def start(self, number: int, job: Job) -> None:
        """Take a job that was started."""
        if job.rule in TARGETS:
            return
        self.began = job.began if self.began is None else self.began
        self.running[number] = job
        if job.rule == "generate" or not self.planned["generate"]:  # the control need not wait for its samples
            self.generation = max(self.generation, job.generation)

    def finish(self, number: int, now: float) -> Job | None:
        """Take a job that has finished; the job, if it counts."""
        job = self.running.pop(number, None)
        if job:
            self.finished[job.rule] += 1
            self._seconds[job.rule] += max(0.0, now - job.began)
            self.n_tokens += self.tokens_trained(job)
        return job

    def fail(self, number: int) -> Job | None:
        """Take a job that has failed."""
        self.n_failed += 1
        return self.running.pop(number, None)

    @property
    def n_jobs(self) -> int:
        """Jobs of this run."""
        return self.planned.total()

    @property
    def n_done(self) -> int:
        """Jobs of it that have finished."""
        return self.finished.total()

    @property
    def arms_done(self) -> int | None:
        """Arms that are measured, those of earlier runs among them; None if this run measures none."""
        if not self.watched or not self.planned["evaluate"]:
            return None
        return self.watched.n_arms - self.planned["evaluate"] + self.finished["evaluate"]

    @property
    def worlds_done(self) -> int | None:
        """Closed-form worlds that are simulated; None if this run simulates none."""
        if not self.watched or not self.planned["simulate"]:
            return None
        return self.watched.n_worlds - self.planned["simulate"] + self.finished["simulate"]

    def seconds_passed(self, now: float) -> float:
        """Since the first job was started."""
        return 0.0 if self.began is None else max(0.0, now - self.began)

    def tokens_per_second(self, now: float) -> float:
        """Tokens trained on by the jobs that have finished, per second since the first was started."""
        return self.n_tokens / passed if (passed := self.seconds_passed(now)) else 0.0

    def seconds_left(self, now: float) -> float | None:
        """How long the rest takes, if its jobs take as long as this run's did and as many run at once; None so far.

        A rule that no job of has finished counts with the mean of all others.
        """
        passed = self.seconds_passed(now)
        if self.n_done < FEWEST_JOBS or passed < FEWEST_SECONDS:
            return None
        worked = sum(self._seconds.values())
        mean = worked / self.n_done
        usual = {rule: self._seconds[rule] / n if (n := self.finished[rule]) else mean for rule in self.planned}
        spent = {number: now - job.began for number, job in self.running.items()}
        ahead = sum((n - self.finished[rule]) * usual[rule] for rule, n in self.planned.items())
        ahead -= sum(min(spent[number], usual.get(job.rule, 0.0)) for number, job in self.running.items())
        at_once = (worked + sum(spent.values())) / passed
        return max(0.0, ahead) / at_once if at_once else None
