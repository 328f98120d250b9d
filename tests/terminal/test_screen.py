"""What is written where: a live view on a terminal, plain lines elsewhere."""

import io
import os
import re
import time
from contextlib import suppress

import pytest
from rich.console import Console
from snakemake_interface_logger_plugins.tests import MockOutputSettings, TestLogHandlerBase

import snakemake_logger_plugin_collapse as plugin
from collapse.terminal import Screen
from collapse.terminal.live import drawn
from collapse.terminal.run import Run

MOST_LINES = 40


def piped(records) -> str:
    stream = io.StringIO()
    screen = Screen(stream)
    for record in records:
        screen.emit(record)
    screen.close()
    return stream.getvalue()


def test_two_hundred_jobs_are_at_most_forty_lines(events):
    jobs = [record for n in range(200) for record in (events.job(n, generation=n // 100), events.finished(n))]
    written = piped([*events.begin(train=200, total=200), *jobs, *events.end()])
    assert len(written.splitlines()) <= MOST_LINES
    shares = [int(share) for share in re.findall(r"^(\d+) %: ", written, re.MULTILINE)]
    assert shares == list(range(10, 100, 10))


def test_a_run_of_seconds_tells_nothing_on_its_way(events):
    records = [*events.begin(train=20), *(r for n in range(20) for r in (events.job(n), events.finished(n)))]
    for record in records:
        record.created = time.time()
    assert " %: " not in piped(records)


def test_nothing_hostile_is_written(events, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.log").write_text("ValueError: \x1b]0;title\x07\x1b[2Jbad \u202etxet\x9b\n")
    records = [*events.begin(train=1), events.job(1, log="a.log"), *events.failed(1, 1, "a.log")]
    written = piped([*records, events.record("\x1b[31mWarned\r", 30)])
    assert r"  ValueError: bad \u202etxet\x9b" in written and r"Warning: Warned\r" in written
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", written)


def test_a_stream_of_another_encoding_is_written_what_it_can_show(events):
    raw = io.BytesIO()
    screen = Screen(io.TextIOWrapper(raw, encoding="ascii"))
    screen.emit(events.record("−0.5 …", 30))
    assert raw.getvalue() == b"Warning: -0.5 ...\n"


@pytest.mark.parametrize("width", [60, 100])
def test_the_view_fits_its_terminal(events, width):
    run = Run()
    run.plan({"train": 12})
    run.watched = events.begin()[1].__dict__["watched"]
    for number in range(9):
        record = events.job(number).__dict__
        run.start(number, _job(record))
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(drawn(run, events.now))
    lines = captured.get().splitlines()
    assert all(len(line) <= width for line in lines) and len(lines) <= 10
    assert "tiny, generation 1 of 2" in lines[0] and "0 of 12 jobs" in lines[1] and "and 3 more" in lines[-1]


def _job(fields):
    from collapse.terminal.run import Job

    return Job(fields["rule_name"], fields["wildcards"], began=fields["created"])


def all_written(terminal: int) -> str:
    """What was written to a terminal, once its other end is closed."""
    parts = []
    with suppress(OSError):
        while part := os.read(terminal, 65_536):
            parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()


def test_a_terminal_gets_the_view_and_no_hidden_cursor(events, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    ours, theirs = os.openpty()
    with open(theirs, "w") as stream:
        screen = Screen(stream)
        for record in [*events.begin(train=2), events.job(1), *events.end()]:
            screen.emit(record)
        screen.close()
    written = all_written(ours)
    assert "0 of 2 jobs" in written and "train" in written
    assert "\x1b[?25l" not in written
    assert not re.search(r"\x1b\[[\d;]*3[0-7]m", written), "NO_COLOR is set"


# --- the plugin -------------------------------------------------------------------------------------------------------


class TestPlugin(TestLogHandlerBase):
    """Snakemake's own tests of a logger plugin."""

    __test__ = True

    def get_log_handler_cls(self):
        return plugin.LogHandler

    def get_log_handler_settings(self):
        return None


@pytest.mark.parametrize("flag", ["dryrun", "verbose", "printshellcmds", "debug_dag"])
def test_what_somebody_asks_for_comes_in_snakemakes_words(events, capsys, flag):
    settings = MockOutputSettings()
    settings.printshellcmds = False
    setattr(settings, flag, True)
    handler = plugin.LogHandler(settings, None)
    handler.emit(events.record("Building DAG of jobs..."))
    handler.close()
    assert capsys.readouterr().err == "Building DAG of jobs...\n"
    assert not handler.takes_over


def test_a_screen_that_fails_does_not_stop_the_run(events, capsys):
    settings = MockOutputSettings()
    settings.printshellcmds = False
    handler = plugin.LogHandler(settings, None)
    handler.emit(events.record(event="job_info"))
    assert "KeyError" in capsys.readouterr().err
