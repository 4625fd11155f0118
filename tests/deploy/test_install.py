"""What somebody sees on a fresh clone: a line for each stage, and where to look when one failed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.child_process import ROOT

TOOLS = ("bash", "env", "dirname", "mkdir", "grep", "tail", "sleep", "cp", "chmod")
PYTHON = """#!/bin/bash
case "$*" in
-c*) exit 0 ;;
"-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip"*)
    echo "Collecting alembic==1 (from -r requirements/base.txt)"
    echo "WARNING: Running pip as the 'root' user" >&2
    exit {code} ;;
esac
"""


def installed(folder: Path, name: str = "base", *, code: int = 0) -> subprocess.CompletedProcess[str]:
    """With a Python that only pretends, and no tool on the path but those that the script may use."""
    tools = folder / "tools"
    tools.mkdir()
    for tool in TOOLS:
        (tools / tool).symlink_to(shutil.which(tool) or pytest.fail(f"{tool} is missing"))
    (tools / "python3").write_text(PYTHON.format(code=code))
    (tools / "python3").chmod(0o755)
    command = ["deploy/install.sh", str(folder / "venv"), name]
    return subprocess.run(command, cwd=ROOT, env={"PATH": str(tools)}, capture_output=True, text=True, check=False)


def test_each_stage_is_a_line_and_what_pip_says_is_in_the_log(tmp_path: Path) -> None:
    done = installed(tmp_path)
    assert done.returncode == 0, done.stderr
    making, installing = done.stdout.splitlines()
    assert re.fullmatch(rf"making {tmp_path}/venv \.\.\. \d+ s", making)
    assert re.fullmatch(r"installing the \d\d+ packages of requirements/base\.txt \(.*\) \.\.\. \d+ s", installing)
    assert done.stderr == ""
    assert "WARNING: Running pip" in (tmp_path / "venv/install.log").read_text()


def test_one_that_fails_shows_the_end_of_its_log_and_names_it(tmp_path: Path) -> None:
    done = installed(tmp_path, code=1)
    assert done.returncode == 1
    assert f"The end of {tmp_path}/venv/install.log:" in done.stderr
    assert "WARNING: Running pip" in done.stderr


@pytest.mark.parametrize(("target", "wanted"), [("migration", "base"), ("up", "base"), ("lint", "dev")])
def test_a_command_installs_no_more_than_it_needs(target: str, wanted: str, tmp_path: Path) -> None:
    command = ["make", "-n", target, "m=words", f"VENV={tmp_path}/venv"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"install\.sh \S+ (\w+)", said) == [wanted]
