"""A row of `results.json` has the shape that was agreed on, and more is better in every ratio."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.acts.load import told
from benchmarks.figures import BEGIN, END, write
from benchmarks.report import Row, save

KEYS = {"measure", "ours", "peer", "peer_value", "ratio", "target", "machine", "versions"}


def saved(file: Path, *rows: Row) -> list[dict[str, object]]:
    save(rows, {"postgresql": "15.1"}, file)
    entries: list[dict[str, object]] = json.loads(file.read_text())
    return entries


def test_a_row_has_the_agreed_shape(tmp_path: Path) -> None:
    [entry] = saved(tmp_path / "results.json", Row("drain, orders/s", 1000.0, "a chain", 80.0, 10.0))
    assert set(entry) == KEYS
    assert (entry["ours"], entry["peer_value"], entry["ratio"], entry["target"]) == (1000.0, 80.0, 12.5, 10.0)
    assert entry["versions"]["postgresql"] == "15.1"  # type: ignore[index]


def test_of_a_latency_less_is_better() -> None:
    assert Row("one order, ms", 40.0, "a chain", 30.0, 0.83, less_is_better=True).ratio == 0.75


def test_a_target_is_reached_or_missed_aloud() -> None:
    assert str(Row("drain", 100.0, "a chain", 10.0, 10.0)).endswith("ratio 10.00 of 10.0 wanted: reached")
    assert str(Row("drain", 99.0, "a chain", 10.0, 10.0)).endswith("ratio 9.90 of 10.0 wanted: MISSED")


def test_what_is_only_reported_has_no_ratio() -> None:
    assert Row("memory, MB", 500.0, "none", None).ratio is None


def test_a_run_of_one_measure_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    saved(file, Row("a", 1.0, "p", 1.0), Row("a", 1.0, "q", 1.0), Row("b", 2.0, "p", 1.0))
    assert [(entry["measure"], entry["ours"]) for entry in saved(file, Row("a", 3.0, "p", 1.0))] == [
        ("a", 3.0),
        ("b", 2.0),
    ]


def test_the_load_leaves_out_its_warm_up_and_tells_every_status() -> None:
    answers = [(100.0, 0.9, 202), (101.0, 0.1, 202), (101.5, 0.2, 202), (102.0, 0.3, 429)]
    found = told(answers, warm_up=1.0)
    assert (found["answers"], found["first"], found["rate"]) == (3, 101.0, 2.0)
    assert found["statuses"] == {"202": 2, "429": 1}


def test_the_table_is_written_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    page, row = tmp_path / "page.md", Row("drain, orders/s", 99.0, "a chain", 10.0, 10.0)
    page.write_text(f"before\n{BEGIN}old\n{END}after\n")
    for _ in range(2):
        write(saved(tmp_path / "results.json", row), page)
    before, table, after = page.read_text().replace(END, BEGIN).split(BEGIN)
    assert (before, after) == ("before\n", "after\n")
    assert "| drain, orders/s | 99 | a chain | 10 | 9.90 | 10 | **missed** |\n" in table
    assert "old" not in table
