"""What to try on a bucket that is compared with a model: a few names that operations meet at, and what they store.

The strategies of names depend on the machine's ``pool`` alone, which stays as it is while a sequence is made shorter.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.strategies.storage import flat_names, hard_names, name_sets, nested_names, plain_bodies

# What an example has its names from: a few of an alphabet, so that operations meet; nested ones have a parent, and
# a name below it next to it, so that what an example begins with is mostly both.
POOLS: dict[str, SearchStrategy[list[str]]] = {
    "flat": name_sets(flat_names(), at_least=2, at_most=3),
    "nested": name_sets(nested_names(), at_most=2).map(lambda names: [names[0], f"{names[0]}/c", *names[1:]]),
    "hard": name_sets(hard_names(), at_least=2, at_most=3),
}
NAMES: SearchStrategy[str] = st.runner().flatmap(lambda machine: st.sampled_from(machine.pool))
# Which of those that are under way.
UPLOADS = st.integers(0, 2)
# As many objects have no owner as have one: what is kept of another object shows where there should be none.
OWNERS, PARTS = st.sampled_from(["", "", "alice", "bob"]), plain_bodies(at_least=1, at_most=40)
BODIES = st.just(b"") | PARTS
OBJECTS = st.tuples(BODIES, OWNERS)
# One for each name, in the pool's order; mostly there is something to begin with, often one with and one without owner.
DIFFERENT = st.tuples(st.tuples(BODIES, st.just("")), st.tuples(BODIES, st.just("alice"))).map(list)
# Hypothesis passes over a strategy that is there twice; a copy of it makes what it draws be met more often.
STORED = st.lists(OBJECTS, max_size=3) | st.lists(OBJECTS, min_size=2, max_size=3) | DIFFERENT | DIFFERENT.map(list)
