"""`stripe_peer`: one localstripe for the session, its state in a folder of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.stripe import StripePeer, start_stripe


@pytest.fixture(scope="session")
def stripe_peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripePeer]:
    peer = start_stripe(tmp_path_factory.mktemp("localstripe"))
    yield peer
    peer.process.stop()
