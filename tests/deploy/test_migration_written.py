"""`make migration` writes a file with what the program itself needs; where ruff is installed, it is formatted too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.child_process import ROOT

WRITE = """
import sys; from pathlib import Path; from deploy import migrate
migrate.ROOT = Path(sys.argv[1])
if sys.argv[2] == "bare": migrate.find_spec = lambda name: None
migrate.write("what changes")
"""


@pytest.mark.parametrize("house", ["bare", "with ruff"])
def test_the_next_migration_is_written(house: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "migrations", tmp_path / "migrations")
    shutil.copy(ROOT / "alembic.ini", tmp_path)
    before = set((tmp_path / "migrations/versions").glob("0*.py"))
    command, own = [sys.executable, "-c", WRITE, str(tmp_path), house], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (new,) = set((tmp_path / "migrations/versions").glob("0*.py")) - before
    assert new.name == f"{max(int(path.name[:4]) for path in before) + 1:04d}_what_changes.py"
    compile(new.read_text(), str(new), "exec")
    assert ("ruff" in done.stdout + done.stderr or "sorted" in done.stdout) == (house == "with ruff"), done.stdout
