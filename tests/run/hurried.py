"""A pytest plugin that shortens the waits for a service that stopped answering, in the process of each worker.

Named in ``PYTEST_PLUGINS`` of the command's environment.
"""

from __future__ import annotations

from conformance.plugin import liveness

liveness.BACK_S, liveness.LEAST_S, liveness.REPROBE_S = 1.0, 6.0, 2.0
