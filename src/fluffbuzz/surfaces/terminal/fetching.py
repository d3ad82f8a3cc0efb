"""How far a fetch is: a bar on a terminal, a line now and then elsewhere; always on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

STEP = 10
"""Per cent between two lines of progress where there is no terminal."""

Report = Callable[[int, int | None], None]
"""Called with the bytes fetched so far and how many there will be (None: nobody says)."""


@contextmanager
def fetch_progress() -> Iterator[Report]:
    """Show on standard error how far a fetch is: a bar on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _lines_of_progress(lambda line: click.echo(line, err=True))
        return
    from rich.console import Console  # only a fetch pays for it
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("fetching the embedded model", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines_of_progress(write: Callable[[str], None]) -> Report:
    told = -STEP

    def report(done: int, total: int | None) -> None:
        nonlocal told
        percent = 100 * done // total if total else 0
        if percent >= told + STEP:
            told = percent - percent % STEP
            share = f"{percent} % of {megabytes(total)}" if total else megabytes(done)
            write(f"fetching the embedded model: {share}")

    return report


def megabytes(count: int) -> str:
    """`94 MB`."""
    return f"{count / 1e6:.0f} MB"
