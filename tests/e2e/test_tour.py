"""docs/tour.md runs as it is written, and every block prints what the page says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.sandboxes import ROOT
from tests.stack import Stack

TOUR = Path(ROOT) / "docs/tour.md"
BLOCK = re.compile(r"```sh\n(.*?)```\n(?:```text\n(.*?)```\n)?", re.DOTALL)
END = "--- end of a block ---"


def test_the_tour_prints_what_it_says(stack: Stack) -> None:
    stack.run("demo.seed")
    blocks = BLOCK.findall(TOUR.read_text())
    assert len(blocks) > 10
    printed = run(stack, [commands for commands, _ in blocks])
    told = [(commands, found) for (commands, _), found in zip(blocks, printed, strict=True)]
    assert told == blocks
    stack.doctor()


def run(stack: Stack, blocks: list[str]) -> list[str]:
    """What each block prints, all in one shell, which stops at the first that fails."""
    script = "set -euo pipefail\n" + "".join(f"{block}echo '{END}'\n" for block in blocks)
    own = {"PATH": os.environ["PATH"], "SHOP": stack.url, "STATE_DIR": str(stack.state_dir)}
    done = subprocess.run(["bash"], input=script, env=own, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, f"{done.stderr}\nafter:\n{done.stdout}"
    return done.stdout.split(f"{END}\n")[:-1]
