"""The rules of a charge: which transitions are allowed, and that no more is captured or refunded than there is.

Each function runs in the caller's transaction and raises `Refusal` when a rule is broken. The caller must commit then
as well: the few writes made before (the failed charge, the counted refusal) are meant to stay.
"""

from __future__ import annotations

from typing import Any

from sandbox.bank import tokens
from sandbox.bank.records import DB, Charge, captured_as, enter, get, insert
from sandbox.bank.validation import CaptureWish, NewCharge
from sandbox.web import Refusal


def create(db: DB, new: NewCharge, key: str) -> Charge:
    if new.source not in tokens.KNOWN:
        insert(db, new, key, "failed", tokens.NOT_A_TOKEN[0])
        raise Refusal(402, *tokens.NOT_A_TOKEN)
    if new.source in tokens.DECLINES:
        code, message = tokens.DECLINES[new.source]
        insert(db, new, key, "failed", code)
        raise Refusal(402, code, message)
    if new.source == tokens.THREE_DS:
        return insert(db, new, key, "requires_action")
    return _settle(db, insert(db, new, key, _final(new.capture)), key)


def capture(db: DB, charge_id: str, wish: CaptureWish, key: str) -> tuple[Charge, dict[str, Any]]:
    """Capture all or part of what is still authorised; the rest is voided if `wish.final`.

    Returns the charge and the capture. Raises Refusal 409 unless it is authorised, 422 for too much.
    """
    charge = get(db, charge_id)
    if charge["status"] != "authorized":
        raise Refusal(409, *_not_authorized(charge))
    room = charge["amount"] - charge["captured"]
    amount = wish.amount or room
    if amount > room:
        raise Refusal(422, "capture_exceeds_authorization", "No more can be captured than was authorised.")
    entry = enter(db, charge, "capture", amount, key)
    status = "succeeded" if wish.final or amount == room else "authorized"
    taken = {"status": status, "captured": charge["captured"] + amount}
    db.execute("update charges set status = :status, captured = :captured where id = :id", taken | {"id": charge_id})
    return charge | taken, {"id": captured_as(charge["id"], entry, first=not charge["captured"]), "amount": amount}


def void(db: DB, charge_id: str, key: str) -> Charge:
    """Void what is still authorised, or a charge that still waits for its customer; else raise Refusal 409."""
    charge = get(db, charge_id)
    if charge["status"] not in ("authorized", "requires_action"):
        raise Refusal(409, *_not_authorized(charge))
    status = "succeeded" if charge["captured"] else "voided"
    db.execute("update charges set status = ? where id = ?", (status, charge_id))
    enter(db, charge, "void", charge["amount"] - charge["captured"], key)
    return get(db, charge_id)


def refund(db: DB, charge_id: str, amount: int, key: str, *, refuse: bool = False) -> dict[str, Any]:
    """Refund all or a part of what was captured. Raises Refusal 409 if nothing was, 422 for too much.

    refuse: raise Refusal 402 in any case, as a drill wants it.
    """
    charge = get(db, charge_id)
    if not charge["captured"]:
        raise Refusal(409, "charge_not_captured", f"The charge is {charge['status']}; there is nothing to refund.")
    if amount > charge["captured"] - charge["refunded"]:
        raise Refusal(422, "refund_exceeds_charge", "No more can be refunded than was captured.")
    if refuse or _blocked(charge):
        db.execute("update charges set refund_refusals = refund_refusals + 1 where id = ?", (charge_id,))
        raise Refusal(402, "refund_refused", "The refund was refused.")
    db.execute("update charges set refunded = refunded + ? where id = ?", (amount, charge_id))
    return _refund(charge, enter(db, charge, "refund", amount, key), amount)


def complete(db: DB, charge_id: str, *, approved: bool) -> Charge:
    """Record the customer's answer on the 3-D Secure page, and settle the charge or let it fail."""
    charge = get(db, charge_id)
    if charge["status"] != "requires_action":
        raise Refusal(409, "charge_not_waiting", f"The charge is {charge['status']}.")
    if approved:
        status = _final(charge["wants_capture"])
        db.execute("update charges set status = ? where id = ?", (status, charge_id))
        return _settle(db, get(db, charge_id), charge["idempotency_key"])
    change = "update charges set status = 'failed', failure_code = 'authentication_failed' where id = ?"
    db.execute(change, (charge_id,))
    return get(db, charge_id)


def _settle(db: DB, charge: Charge, key: str) -> Charge:
    """Enter a successful charge in the ledger, as authorised or captured."""
    if charge["status"] == "authorized":
        enter(db, charge, "authorise", charge["amount"], key)
        return charge
    return _captured(db, charge, charge["amount"], key)


def _captured(db: DB, charge: Charge, amount: int, key: str) -> Charge:
    db.execute("update charges set status = 'succeeded', captured = ? where id = ?", (amount, charge["id"]))
    enter(db, charge, "capture", amount, key)
    return charge | {"status": "succeeded", "captured": amount}


def _blocked(charge: Charge) -> bool:
    """Only the first refund is refused: afterwards a person at the bank has lifted the block."""
    return bool(charge["source"] == tokens.REFUND_REFUSED and charge["refund_refusals"] == 0)


def _final(wants_capture: bool) -> str:
    return "succeeded" if wants_capture else "authorized"


def _not_authorized(charge: Charge) -> tuple[str, str]:
    code = {
        "succeeded": "charge_already_captured",
        "voided": "charge_voided",
        "failed": "charge_failed",
        "requires_action": "charge_requires_action",
    }[charge["status"]]
    return code, f"The charge is {charge['status']}."


def _refund(charge: Charge, entry: int, amount: int) -> dict[str, Any]:
    return {
        "object": "refund",
        "id": f"re_{entry}",
        "status": "succeeded",
        "charge": charge["id"],
        "reference": charge["reference"],
        "amount": amount,
        "currency": charge["currency"],
        "charge_refunded": charge["refunded"] + amount,
    }
