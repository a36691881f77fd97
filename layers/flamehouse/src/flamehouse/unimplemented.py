"""Services of Grafana Pyroscope that are not offered here, and what to do instead: Grafana shows it to its user."""

from collections.abc import Mapping
from typing import Final

ADVICE: Final[Mapping[str, str]] = {
    "vcs.v1.VCSService": (
        "flamehouse has no integration with GitHub. Function details show file and line without the source; "
        "open the file in your repository"
    ),
    "settings.v1.RecordingRulesService": (
        "flamehouse exports no metrics from profiles. Query profiles with SelectSeries, in a Grafana panel or "
        "alert rule on this data source, where a recorded metric would be queried"
    ),
    "debuginfo.v1alpha1.DebuginfoService": (
        "flamehouse takes no debug information. Have the agent symbolize native frames before it sends profiles; "
        "in Alloy, leave the upload of debug information off"
    ),
}
"""By the service's name, as the first part of an RPC's path has it."""
