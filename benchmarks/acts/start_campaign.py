"""start_campaign PEOPLE: subscribe that many customers and start a campaign to them. Prints the id of its run."""

from __future__ import annotations

import json
import sys
import time

from sqlalchemy.orm import Session

from db import in_transaction
from db.schema import new_id
from shop.campaigns import editing, progress, transitions
from tests.subscribing import subscribe

TAG = "bench"
LETTER = {"name": TAG, "topic": "offers", "segment": {"tag": TAG}, "subject": "Spring, {{ first_name }}"}
TEXT = "Dear {{ name }},\n\n" + "ten per cent off everything made of wood, until Sunday. " * 8
LEAVING = 1.0  # seconds, so that the message is sent before this process ends


def main(people: int) -> str:
    in_transaction(lambda session: subscribe(session, TAG, people))
    return in_transaction(_send)


def _send(session: Session) -> str:
    id = editing.make(session, LETTER | {"text": TEXT}, None).id
    transitions.send_now(session, id, new_id())
    [sent] = progress.latest(session, id)
    return sent.run.id


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
    time.sleep(LEAVING)
