"""Stories of an order's money, each act a sentence. Whatever was begun must end, and every cent be accounted for."""

from __future__ import annotations

import sys
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from db.schema import new_id
from shop.payments import methods as payment_methods
from tests.api.inline_worker import drive
from tests.money import shop, waiting
from tests.money.bank import Bank
from tests.money.ending import end

AMOUNTS = st.sampled_from((1, 333, 1000, 10_000, 10_333, 20_490))
FEW = st.integers(1, 3)
METHODS = st.sampled_from(("card", "card", "card", "bank_transfer", "wallet", "cash_on_delivery"))
TOKENS = {"pays": "tok_ok", "is declined": "tok_declined", "asks its holder": "tok_3ds"}
CARDS = st.sampled_from(("pays", "pays", "pays", "is declined", "asks its holder"))


class AnOrder(RuleBasedStateMachine):
    """One order and whoever has to do with it. What the shop refuses is refused; all else must come out right."""

    def __init__(self, use_bank: Callable[[Bank], None]) -> None:
        super().__init__()
        self.bank = Bank()
        use_bank(self.bank)
        self.order = ""
        self.customer: str | None = None
        self.given_up: set[str] = set()

    @initialize(
        account=st.booleans(),
        chairs=FEW,
        lamps=st.integers(0, 2),
        method=METHODS,
        card=CARDS,
        capture_when_sent=st.booleans(),
        second_chances=st.booleans(),
        coupon=st.none() | st.sampled_from(sorted(shop.OFFERS)),
    )
    def somebody_orders(
        self,
        account: bool,
        chairs: int,
        lamps: int,
        method: str,
        card: str,
        capture_when_sent: bool,
        second_chances: bool,
        coupon: str | None,
    ) -> None:
        payment_methods.is_captured_later = lambda how: capture_when_sent and how == "card"
        waiting.give_second_chances(second_chances)
        self.name = new_id()
        self.sku = shop.stock_up(self.name[-12:].upper())
        self.customer = shop.register(self.name) if account else None
        if self.customer:
            shop.grant(self.customer, 50_000)
        self.code = shop.coupon(self.name[-12:].upper(), coupon) if coupon else None
        wanted = {"CHAIR": chairs, "LAMP": lamps}
        self.lines = {self.sku[name]: n for name, n in wanted.items() if n}
        token = TOKENS[card] if method == "card" else None
        placed = shop.place(self.customer, self.name, self.lines, method, token, self.code)
        self.order = placed if isinstance(placed, str) else ""

    def teardown(self) -> None:
        if self.order and sys.exc_info()[0] is None:  # not a story that has failed already
            end(self)

    there = precondition(lambda self: self.order)

    # --- workers ---

    @there
    @rule(which=st.integers(0, 3), steps=st.integers(1, 4))
    def a_worker_works(self, which: int, steps: int) -> None:
        live = shop.runs(self.order)
        if live:
            drive(live[which % len(live)].id, steps)

    @there
    @rule()
    def all_is_done_that_can_be(self) -> None:
        for run in shop.runs(self.order):
            drive(run.id, 12)

    @there
    @rule()
    def time_passes(self) -> None:
        shop.let_time_pass(self.order)
        waiting.look_again(self.order)

    @there
    @rule()
    def the_time_to_pay_is_over(self) -> None:
        waiting.time_is_over(self.order)

    # --- the customer ---

    @there
    @rule()
    def it_is_called_off(self) -> None:
        shop.call_off(self.order)

    @there
    @rule(method=METHODS, card=CARDS)
    def it_is_paid_otherwise(self, method: str, card: str) -> None:
        shop.pay_again(self.order, method, TOKENS[card] if method == "card" else None)

    @there
    @rule(yes=st.booleans(), told=st.booleans())
    def the_card_holder_answers_the_bank(self, yes: bool, told: bool) -> None:
        for charge in self.bank.holder_answers(self.order, yes):
            if told:
                waiting.bank_tells(self.order, charge.provider_id, "succeeded" if yes else "failed", charge.amount)

    @there
    @rule(more=st.sampled_from((0, 0, 0, 500, -1)))
    def money_is_sent(self, more: int) -> None:
        waiting.money_comes(self.order, more)

    @there
    @rule(chairs=st.integers(0, 2), lamps=st.integers(0, 2))
    def a_return_is_asked_for(self, chairs: int, lamps: int) -> None:
        lines = {self.sku[name]: n for name, n in (("CHAIR", chairs), ("LAMP", lamps)) if n}
        if lines:
            shop.ask_to_return(self.order, lines)

    @there
    @rule(which=st.integers(0, 3))
    def a_job_is_turned_back(self, which: int) -> None:
        live = [run for run in shop.runs(self.order) if run.workflow != "capture_payment"]
        if live:
            shop.turn_back(live[which % len(live)].id)

    @there
    @rule()
    def the_account_is_deleted(self) -> None:
        if self.customer:
            shop.leave(self.customer)

    # --- staff ---

    @there
    @rule(amount=st.none() | AMOUNTS)
    def staff_capture(self, amount: int | None) -> None:
        shop.capture(self.order, amount)

    @there
    @rule()
    def staff_let_go_of_the_rest(self) -> None:
        shop.void(self.order)

    @there
    @rule(amount=st.none() | AMOUNTS, to=st.sampled_from(("source", "source", "wallet")))
    def staff_give_back(self, amount: int | None, to: str) -> None:
        shop.refund(self.order, amount, to)

    @there
    @rule(chairs=st.none() | st.integers(0, 2), lamps=st.integers(0, 2))
    def a_parcel_leaves(self, chairs: int | None, lamps: int) -> None:
        named = {self.sku[name]: n for name, n in (("CHAIR", chairs or 0), ("LAMP", lamps)) if n}
        shop.ship(self.order, None if chairs is None else named or None)

    @there
    @rule(which=st.integers(0, 3), half=st.booleans(), broken=st.booleans())
    def a_return_comes(self, which: int, half: bool, broken: bool) -> None:
        asked = shop.open_returns(self.order)
        if asked:
            row = asked[which % len(asked)]
            came = {line.sku: (line.quantity + 1) // 2 if half else line.quantity for line in row.lines}
            shop.receive(self.order, row.id, {sku: (n, 0 if broken else n) for sku, n in came.items()})

    @there
    @rule(which=st.integers(0, 3))
    def a_return_is_rejected(self, which: int) -> None:
        asked = shop.open_returns(self.order)
        if asked:
            shop.reject(self.order, asked[which % len(asked)].id)

    @there
    @rule(which=st.integers(0, 3), act=st.sampled_from(("retry", "settle", "skip")))
    def an_operator_acts(self, which: int, act: str) -> None:
        stuck = shop.needing_a_person(self.order)
        if stuck:
            run = stuck[which % len(stuck)]
            shop.act(run, act, self)

    @there
    @rule(which=st.integers(0, 3), was_for_this=st.booleans())
    def staff_say_what_money_was_for(self, which: int, was_for_this: bool) -> None:
        held = waiting.held(self.order)
        if held and was_for_this:
            waiting.match_by_hand(self.order, held[which % len(held)])
        elif held:
            waiting.settle(held[which % len(held)])

    # --- the bank ---

    @rule(what=st.sampled_from(("refund", "capture")))
    def the_bank_refuses(self, what: str) -> None:
        self.bank.refuses.add(what)

    @there
    @rule(amount=AMOUNTS)
    def the_banks_desk_gives_back(self, amount: int) -> None:
        left = shop.left_of(self.order)
        if left:
            self.bank.at_its_own_desk(self.order, min(amount, left))

    @there
    @rule()
    def staff_ask_the_bank(self) -> None:
        shop.verify(self.order)

    @rule()
    def the_bank_is_friendly_again(self) -> None:
        self.bank.refuses.clear()
