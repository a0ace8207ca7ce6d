"""What is forked from the nursery, and how it becomes a worker of xdist's: by going on with the nursery's session.

The gateway to the process of the run is served by a thread. What xdist has executed there (``remote.py``) hands the
channel over to the main thread, which runs the checks; so the session ends as any other session of pytest does.
"""

from __future__ import annotations

import os
import queue
import shutil
import socket
import sys
import threading
from typing import Any

import pytest
import xdist.remote
from execnet.gateway_base import Popen2IO, get_execmodel, serve

from conformance.contract.catalogue import ContractError, catalogue
from conformance.plugin.checks import CheckInfo, check_info, is_check
from conformance.plugin.nursery import NAME, Asked, asked_by
from conformance.plugin.nursery import serve as fork_workers
from conformance.plugin.worker import CHECK, Worker, configure_properties

hatched: Hatched | None = None
"""In a forked worker, itself."""


class Brood:
    """The nursery's side in pytest: waits with the collected checks until workers are asked for."""

    def __init__(self, lifeline: socket.socket) -> None:
        self.__name__ = NAME
        self.lifeline = lifeline
        self.asked: Asked | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Finds out what the checks are, which is the same for each worker; what is wrong, these will say."""
        try:
            contract = catalogue()
        except ContractError:
            return
        for item in filter(is_check, session.items):
            info = check_info(item, contract)
            if isinstance(info, CheckInfo):
                item.stash[CHECK] = info
                # The line where a check stands is told nowhere, and takes long to be found.
                vars(item)["location"] = (item.nodeid.partition("::")[0], None, item.name)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Forks the workers, and is the loop of each; where the suites cannot be read, workers start by themselves."""
        global hatched
        self.asked = asked_by(self.lifeline)
        if self.asked is None or session.testsfailed:
            return True
        configure_properties(self.asked.options, self.asked.gentle)
        asking = fork_workers(self.asked.listener, self.lifeline)
        if asking is not None:
            # Known before the gateway is served, since what comes in asks for it at once.
            hatched = Hatched(*asking)
            hatched.begin()
            hatched.run_checks(session)
        return True

    def close(self) -> None:
        """Ends what has been forked, if this is it, and else what the run has left: it may have been killed."""
        if hatched is not None:
            hatched.close()
        elif self.asked is not None:
            shutil.rmtree(self.asked.folder, ignore_errors=True)


class Interactor(xdist.remote.WorkerInteractor):  # type: ignore[misc]  # xdist names no types
    """Sends of each check what the process of the run reads: its result, where xdist tells of its beginning, of each of
    its phases and of its end."""

    def pytest_runtest_logstart(self) -> None:
        """Is shown by no terminal of ours."""

    def pytest_runtest_logfinish(self) -> None:
        """As little."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase that passed without a result is nothing to tell."""
        if report.user_properties or not report.passed:
            super().pytest_runtest_logreport(report)


class Hatched:
    """A forked worker. ``asking`` is told of its end by being closed."""

    def __init__(self, asking: Any, streams: list[int]) -> None:
        self.asking = asking
        self._channel: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._ended = threading.Event()
        given, told, errors = streams
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        # What checks and their programs say is nobody's; a crash is told on the stream that pytest has kept for it.
        os.dup2(0, 2)
        os.close(errors)
        gateway = Popen2IO(os.fdopen(told, "wb"), os.fdopen(given, "rb"), get_execmodel("main_thread_only"))
        self._gateway = threading.Thread(target=self._serve, args=[gateway], daemon=True)

    def begin(self) -> None:
        """Serves the gateway."""
        self._gateway.start()

    def _serve(self, gateway: Popen2IO) -> None:
        # The source of what would be a gateway: it is imported here.
        gateway.infile.readline()
        gateway.write(b"1")
        serve(gateway, id="worker")  # type: ignore[arg-type]  # a worker is not to be waited for or killed
        self._channel.put(None)

    def hand_over(self, channel: Any) -> None:
        """Gives the channel to the main thread and returns when that has done all."""
        self._channel.put(channel)
        self._ended.wait()

    def run_checks(self, session: pytest.Session) -> None:
        """Does what a worker of xdist's does once it has collected."""
        channel = self._channel.get()
        if channel is None:
            return
        given, _, options, sys.path = channel.receive()
        config: Any = session.config
        xdist.remote.setup_config(config, options.get("basetemp"))
        os.environ["PYTEST_XDIST_TESTRUNUID"] = given["testrunuid"]
        os.environ["PYTEST_XDIST_WORKER"] = given["workerid"]
        os.environ["PYTEST_XDIST_WORKER_COUNT"] = str(given["workercount"])
        config.workerinput, config.workeroutput = given, {}
        # It refers to itself by this name of its module.
        interactor = xdist.remote.interactor = Interactor(config, channel)
        worker = Worker.of_worker(config, given)
        config.pluginmanager.register(worker, "conformance-worker")
        interactor.pytest_sessionstart(session)
        worker.pytest_collection_modifyitems(session.items)
        session.testscollected = len(session.items)
        interactor.pytest_collection_finish(session)
        interactor.pytest_runtestloop(session)

    def close(self) -> None:
        """Ends the gateway."""
        self._ended.set()
        self._gateway.join()
