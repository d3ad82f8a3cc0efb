"""The service's log: bounded while native code writes it, private, and quoted from where a start began."""

from __future__ import annotations

from pathlib import Path

from fluffbuzz.adapters.embedded.bounded_log import bound, length, open_log, tail


def test_a_log_that_has_grown_too_long_keeps_its_newest_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(1000)), "ascii")
    bound(log, max_bytes=1000, kept_bytes=30)
    assert log.read_text("ascii") == "line 997\nline 998\nline 999\n"


def test_a_log_within_its_bound_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a\nb\n")
    bound(log, max_bytes=4, kept_bytes=1)
    assert log.read_bytes() == b"a\nb\n"


def test_whoever_has_it_open_goes_on_writing_at_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with open_log(log) as writer:
        writer.write(b"old\n" * 1000)
        bound(log, max_bytes=100, kept_bytes=6)
        writer.write(b"new\n")
    assert log.read_bytes() == b"old\nnew\n"


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    open_log(tmp_path / "log").close()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_the_tail_begins_where_the_log_ended_before(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"before\n")
    start = length(log)
    with open_log(log) as writer:
        writer.write(b"after\n")
    assert tail(log, start) == "after"
    assert tail(log, start, max_bytes=3) == "er"


def test_a_log_that_was_cut_meanwhile_is_quoted_from_what_is_left(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"left\n")
    assert tail(log, start=100) == ""
    assert tail(tmp_path / "none", start=0) == ""
    assert length(tmp_path / "none") == 0
    bound(tmp_path / "none")
