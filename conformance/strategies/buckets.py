"""Inputs for a bucket that is compared with a model: names from a small pool, so that operations collide.

The strategies of names depend only on the machine's ``pool``, which does not change while a sequence is shrunk.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.strategies.storage import flat_names, hard_names, name_sets, nested_names, plain_bodies

# The names of an example: few, so that operations collide. Nested pools contain a name and a name below it.
POOLS: dict[str, SearchStrategy[list[str]]] = {
    "flat": name_sets(flat_names(), at_least=2, at_most=3),
    "nested": name_sets(nested_names(), at_most=2).map(lambda names: [names[0], f"{names[0]}/c", *names[1:]]),
    "hard": name_sets(hard_names(), at_least=2, at_most=3),
}
NAMES: SearchStrategy[str] = st.runner().flatmap(lambda machine: st.sampled_from(machine.pool))
# The index of an open upload.
UPLOADS = st.integers(0, 2)
# Half of the objects have no owner, which shows metadata that remains of another object.
OWNERS, PARTS = st.sampled_from(["", "", "alice", "bob"]), plain_bodies(at_least=1, at_most=40)
BODIES = st.just(b"") | PARTS
OBJECTS = st.tuples(BODIES, OWNERS)
# The initial objects, one per name in the pool's order; often one with and one without an owner.
DIFFERENT = st.tuples(st.tuples(BODIES, st.just("")), st.tuples(BODIES, st.just("alice"))).map(list)
# Hypothesis ignores a repeated strategy, but not a copy, which doubles its probability.
STORED = st.lists(OBJECTS, max_size=3) | st.lists(OBJECTS, min_size=2, max_size=3) | DIFFERENT | DIFFERENT.map(list)
