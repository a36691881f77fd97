"""Prepares profiles for Go's profile-guided optimization, which needs the call sites but not the lines of callees.

Requirements of the compiler: go.dev/doc/pgo.
"""

from flamehouse.pb.profile_pb2 import Location, Profile

type _Stack = tuple[int, ...]


_SHAPE = "[go.shape."


def with_shapes(pprof: Profile) -> Profile:
    """Rename generic functions to their symbol names, which the compiler matches; returns the changed profile."""
    texts = pprof.string_table
    for function in pprof.function:
        if _SHAPE in texts[function.system_name]:
            function.name = function.system_name
    return pprof


def aggregate_callees(pprof: Profile) -> Profile:
    """Remove the lines of leaves and merge the stacks that become equal; returns the changed profile.

    The leaf is the innermost function of a sample's first location. Unused locations are dropped.
    """
    leaf_of = _leaves(pprof)
    sums: dict[_Stack, int] = {}
    for sample in pprof.sample:
        leaf, *callers = sample.location_id or (0,)
        stack = (leaf_of.get(leaf, leaf), *callers)
        sums[stack] = sums.get(stack, 0) + sample.value[0]
    del pprof.sample[:]
    for stack, value in sums.items():
        pprof.sample.add(location_id=filter(None, stack), value=(value,))
    used = {id_ for stack in sums for id_ in stack}
    remaining = [location for location in pprof.location if location.id in used]
    del pprof.location[:]
    pprof.location.extend(remaining)
    return pprof


def _leaves(pprof: Profile) -> dict[int, int]:
    """Return, for each location, the id of the one that replaces it as a leaf; adds new locations to the profile."""
    leaf_of: dict[int, int] = {}
    by_content: dict[bytes, int] = {}
    next_id = max((location.id for location in pprof.location), default=0) + 1
    for location in [*pprof.location]:
        if not location.line:
            continue
        leaf = _without_line(location)
        content = leaf.SerializeToString(deterministic=True)
        if content not in by_content:
            by_content[content] = next_id
            leaf.id = next_id
            pprof.location.append(leaf)
            next_id += 1
        leaf_of[location.id] = by_content[content]
    return leaf_of


def _without_line(location: Location) -> Location:
    """Return a copy without id and address, with its innermost function on line 0."""
    leaf = Location()
    leaf.CopyFrom(location)
    leaf.id = leaf.address = leaf.line[0].line = leaf.line[0].column = 0
    return leaf
