"""How the machines of a training find each other, so that whoever waits still hears that it is to stop.

Torch's own way waits inside one call for a quarter of an hour, in which Python hears no signal.
"""

from __future__ import annotations

import time
from datetime import timedelta

from torch.distributed import DistError, PrefixStore, Store, TCPStore
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    RendezvousStoreInfo,
    rendezvous_handler_registry,
)
from torch.distributed.elastic.rendezvous.utils import parse_rendezvous_endpoint

from ...base.errors import StoppedError, TrainerError
from ...base.session import StopFlag

MEETING = "secpi"
"""The name by which torch's launcher asks for it."""
MEET_SECONDS = 900.0
"""The machines of a cluster may begin that far apart."""

_TRY_SECONDS = 1.0
"""So long may torch take at a time; a stop waits for that."""
_LOOK_SECONDS = 0.1
_HERE, _LEAVING = "here", "leaving"


class Meeting(RendezvousHandler):
    """Machine 0 listens at an address of its own, the others come there; done when all are there.

    Each keeps its number, which torch's dynamic ways would deal out anew. That number (`node`) and the flag to look at
    (`stop`) are told by the launcher's `rdzv_configs`.
    """

    def __init__(self, told: RendezvousParameters) -> None:
        self._host, self._port = parse_rendezvous_endpoint(told.endpoint, default_port=-1)
        self._node: int = told.get("node")
        self._stop: StopFlag = told.get("stop")
        self._nodes = told.max_nodes
        self._run: str = told.run_id
        self._store: TCPStore | None = None
        """Kept: on the first machine it is what all others talk to."""

    def next_rendezvous(self) -> RendezvousInfo:
        """Waits for all. Throws `StoppedError` when one of them leaves again, and `trainer/not-met`."""
        deadline = time.monotonic() + MEET_SECONDS
        try:
            self._store = store = self._connected(deadline)
            self._await_all(store, deadline)
        except DistError as error:
            first = "the first one cannot listen there" if self._node == 0 else "the first one was not there"
            raise self._not_met(first) from error
        store.set_timeout(timedelta(seconds=MEET_SECONDS))
        where = RendezvousStoreInfo(self._host, self._port)
        return RendezvousInfo(PrefixStore(self._run, store), self._node, self._nodes, where)

    def _connected(self, deadline: float) -> TCPStore:
        while True:
            self._stop.check()
            try:
                return TCPStore(
                    self._host,
                    self._port,
                    self._nodes,
                    is_master=self._node == 0,
                    timeout=timedelta(seconds=_TRY_SECONDS),
                    wait_for_workers=False,
                    multi_tenant=True,
                )
            except DistError:
                # The first machine has nobody to wait for, and the others do so for as long as it may take to begin.
                if self._node == 0 or time.monotonic() > deadline:
                    raise
            time.sleep(_LOOK_SECONDS)

    def _await_all(self, store: Store, deadline: float) -> None:
        store.add(_HERE, 1)
        while store.add(_HERE, 0) < self._nodes:
            if self._stop.is_set:
                # Then the others need not wait for the end of their patience.
                store.add(_LEAVING, 1)
            if store.add(_LEAVING, 0) > 0:
                # With the first machine goes what the others would hear it by.
                time.sleep(3 * _LOOK_SECONDS if self._node == 0 else 0)
                raise StoppedError
            if time.monotonic() > deadline:
                raise self._not_met(f"{store.add(_HERE, 0)} of {self._nodes} came")
            time.sleep(_LOOK_SECONDS)

    def _not_met(self, why: str) -> TrainerError:
        return TrainerError(
            "not-met",
            f"the machines of this training did not meet at {self._host}:{self._port}: {why}",
            "all of them have to reach that address, and to begin within a quarter of an hour",
        )

    def get_backend(self) -> str:
        """The name of this way."""
        return MEETING

    @property
    def use_agent_store(self) -> bool:
        """Whether the processes meet by the same store."""
        return True

    def is_closed(self) -> bool:
        """Never: there is one meeting."""
        return False

    def set_closed(self) -> None:
        """Nothing is to be closed."""

    def num_nodes_waiting(self) -> int:
        """None: who comes later is not taken in."""
        return 0

    def get_run_id(self) -> str:
        """What the launcher calls this run."""
        return self._run

    def shutdown(self) -> bool:
        """Nothing is left behind."""
        return True


# Torch asks by name.
rendezvous_handler_registry.register(MEETING, Meeting)
