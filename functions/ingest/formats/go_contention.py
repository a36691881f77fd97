"""Distinguishes Go's block and mutex profiles: both have the sample types contentions and delay, and no name.

A mutex profile records unlocks of contended locks, a block profile records waits. So the leaf functions of the stacks
distinguish them. Source: runtime/mprof.go of Go.
"""

import re
from typing import Final

from flamehouse.pb import profile_pb2

_WAITS: Final = re.compile(
    r"runtime\.(chanrecv|chansend|selectgo|selectnb|block\b|semacquire|gopark|notetsleep|netpollblock)"
    r"|(internal/)?sync\.(\(\*\w+\)\.(Lock|RLock|Wait|lockSlow|rLock|Do|doSlow)|runtime_)"
)
_UNLOCKS: Final = re.compile(
    r"(internal/)?sync\.\(\*\w+\)\.(Unlock|RUnlock|unlockSlow|rUnlockSlow)|runtime\.(unlock|_LostContendedRuntimeLock)"
)


def waits_in_go(pprof: profile_pb2.Profile) -> bool:
    """Returns whether any stack ends in a function that waits, and none in one that unlocks. Ids may be dangling."""
    leaves = {sample.location_id[0] for sample in pprof.sample if sample.location_id}
    ends = {line.function_id for each in pprof.location if each.id in leaves for line in each.line}
    strings = pprof.string_table
    names = {
        strings[function.name]
        for function in pprof.function
        if function.id in ends and 0 <= function.name < len(strings)
    }
    return any(map(_WAITS.match, names)) and not any(map(_UNLOCKS.match, names))
