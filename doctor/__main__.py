"""`python -m doctor`: check every invariant and print the breaches.

Exits with 1 if an invariant is broken or could not be checked. --json writes the findings as JSON, for drills.
"""

from __future__ import annotations

import json
import sys

import workflows  # noqa: F401 - so that every step task is known
from db import reading
from doctor import (  # noqa: F401 - each registers its checks
    bank_transfers,
    campaigns,
    fulfilment,
    imports,
    invoicing,
    ledger_comparison,
    notifications,
    payments,
    pricing,
    privacy,
    runs,
    schedule,
    search,
    stock,
    webhooks,
)
from doctor.checks import Finding, examine

SHOWN = 20


def main() -> int:
    with reading() as session:
        findings = list(examine(session))
    (_as_json if "--json" in sys.argv[1:] else _as_text)(findings)
    return 0 if all(finding.well for finding in findings) else 1


def _as_text(findings: list[Finding]) -> None:
    for finding in findings:
        mark = "ok" if finding.well else "BROKEN" if finding.breaches else "UNKNOWN"
        print(f"{finding.check.number:>4}  {mark:<7} {finding.check.promise}")
        if finding.unknown:
            print(f"              {finding.unknown}")
        for breach in finding.breaches[:SHOWN]:
            print(f"              {breach}")
        if len(finding.breaches) > SHOWN:
            print(f"              and {len(finding.breaches) - SHOWN} more")


def _as_json(findings: list[Finding]) -> None:
    rows = [
        {"invariant": f.check.number, "promise": f.check.promise, "breaches": f.breaches, "unknown": f.unknown}
        for f in findings
    ]
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    sys.exit(main())
