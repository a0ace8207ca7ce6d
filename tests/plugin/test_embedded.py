"""The embedded reference ends with its run, however the run ends."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

EMBEDS = """
from conformance.plugin.embedded import EmbeddedReference
reference = EmbeddedReference()
print(reference.process.pid, reference.folder, flush=True)
input()
"""


def test_it_ends_with_a_run_that_is_killed_and_leaves_nothing() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", EMBEDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        pid, folder = run.stdout.readline().split()
        reference = os.pidfd_open(int(pid))
        assert (Path(folder) / "conformance.toml").exists()
        run.kill()
    ended, _, _ = select.select([reference], [], [], 60)
    os.close(reference)
    assert ended
    assert not Path(folder).exists()
