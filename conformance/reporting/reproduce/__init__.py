"""``reproduce/``: for each finding a shell script that shows it with curl and nothing of this suite.

A script sends the smallest sequence that showed the finding and looks whether it still does. It ends with 1 where the
finding shows, 0 where it does not, 2 where that cannot be told. Secrets come from the environment and go to curl by
its standard input, so that no file and no list of processes shows them. What a later request needs of an earlier
answer (an upload's location, a validator, a token) is taken from the answer that comes now. At its end a script
removes what it made, and undoes what it had the operator's commands do.

``steps`` says what a script repeats and whether one pasted request does, ``requests`` how a request is made again,
``judgement`` how the answers are looked at, ``script`` writes it all; ``functions.sh`` are the shell functions.
"""

from conformance.reporting.reproduce.script import write

__all__ = ["write"]
