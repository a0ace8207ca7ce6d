"""For each finding, write a shell script that shows it with curl, without this suite.

A script sends the smallest sequence of requests that showed the finding, and tests whether it still shows. It exits
with 1 if the finding shows, 0 if it does not, and 2 if the script cannot decide. Secrets come from the environment and
reach curl by standard input, so that no file and no process list shows them. Values that a request takes from an
earlier response (an upload's location, a validator, a token) come from the current response. At the end a script
removes the resources that it created, and undoes the operator's commands.

``steps`` selects the steps, ``requests`` sends a request again, ``judgement`` tests the responses, and ``script``
writes the files; ``functions.sh`` contains the shell functions.
"""

from conformance.reporting.reproduce.script import write

__all__ = ["write"]
