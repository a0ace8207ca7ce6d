"""Scripts that are given the very answers of their run: each must say that its finding shows, or that it cannot tell.

One that says that it passes looks at something else than what was found, and would say so of the defect as well.
"""

from __future__ import annotations

import base64
import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from conformance.reporting.reproduce.requests import SCRIPT
from conformance.reporting.reproduce.script import Script, scripts
from conformance.runs.reading import Record

# Answers by the number of the step, which is in the name of the file that its header is to be written to.
CURL = """#!/bin/sh
while [ $# -gt 0 ]; do case $1 in -D) head=$2 ;; -o) body=$2 ;; esac; shift; done
cat >/dev/null
number=${head##*/} && number=${number%.head}
cat "$RECORDED/$number.head" >"$head" && cat "$RECORDED/$number.body" >"$body" && cat "$RECORDED/$number.status"
"""
AT_ONCE = "#!/bin/sh\n"
START_S, STEP_S = 120.0, 1.0
"""How long a script may take, and each of its requests, seconds: one of a long list makes a thousand."""
NEW_NAMES = re.compile(r"^RUN=.*$", re.MULTILINE)
SECRET = re.compile(r'^\[ -n "\$\{(\w+)-\}" \]', re.MULTILINE)


def ended_otherwise(record: Record) -> Iterator[tuple[str, str]]:
    """The scripts of a record that say something else of its own answers: their checks, and what they say."""
    with tempfile.TemporaryDirectory() as scratch:
        tools = Path(scratch) / "tools"
        tools.mkdir()
        for name, text in (("curl", CURL), ("sleep", AT_ONCE)):
            (tools / name).write_text(text, encoding="utf-8")
            (tools / name).chmod(stat.S_IRWXU)
        for number, (name, script) in enumerate(scripts(record)):
            folder = Path(scratch) / str(number)
            code, said = _ended(script, folder, tools)
            # Shells end with 2 as well where they cannot read what they are given.
            if code != 1 and not (code == 2 and "cannot be told" in said):
                last = said.strip().rpartition("\n")[2]
                yield script.result.requirement, f"{name}: {code} and {code} | of its own answers: {last}"


def _ended(script: Script, folder: Path, tools: Path) -> tuple[int, str]:
    script.write(folder)
    for number, entry in script.exchanges:
        for part, content in _recorded(entry).items():
            (folder / f"{number}.{part}").write_bytes(content)
    text = (folder / SCRIPT).read_text(encoding="utf-8")
    (folder / SCRIPT).write_text(NEW_NAMES.sub(f"RUN={script.record.info.run_id[-4:]}", text), encoding="utf-8")
    # A secret stands in the evidence by its name.
    secrets = {name: f"${name}" for name in SECRET.findall(text)}
    path = f"{tools}:{os.environ['PATH']}"
    limit_s = START_S + STEP_S * len(script.exchanges)
    try:
        ran = subprocess.run(
            ["sh", str(folder / SCRIPT)], env={"PATH": path, "RECORDED": str(folder), **secrets}, capture_output=True,
            text=True, errors="replace", timeout=limit_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return -1, f"it did not end within {limit_s:g} s"
    return ran.returncode, ran.stdout + ran.stderr


def _recorded(entry: Mapping[str, Any]) -> dict[str, bytes]:
    """An answer as curl keeps it."""
    body = entry["response_body"]
    fields = "".join(f"{name}: {value}\r\n" for name, value in entry["response_headers"])
    content = body["text"].encode("utf-8", "surrogateescape") if "text" in body else base64.b64decode(body["base64"])
    return {
        "head": f"HTTP/1.1 {entry['status']} \r\n{fields}\r\n".encode("utf-8", "surrogateescape"),
        "body": content,
        "status": f"{entry['status']:03}".encode(),
    }
