"""Rules for labels whose values never repeat: each value would make a series of its own."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class LabelRule(StrEnum):
    """What becomes of a label: dropped, stored as the span of its sample, or a label of the series."""

    DROP = "drop"
    SPAN = "span"
    KEEP = "keep"


_DEFAULT: Final[Mapping[str, LabelRule]] = MappingProxyType(
    {
        "span id": LabelRule.SPAN,
        **dict.fromkeys(
            (
                "local root span id",
                "trace id",
                "thread id",
                "thread native id",
                "task id",
                "goroutine id",
                "thread.id",
                "process.pid",
                "process.parent_pid",
                "process.vpid",
                "process.creation.time",
            ),
            LabelRule.DROP,
        ),
    }
)
"""What the tracers of Datadog (names with blanks) and OpenTelemetry (names with dots) attach."""


def parse_label_rules(text: str) -> Mapping[str, LabelRule]:
    """The default rules, changed by `name=drop,other name=keep`; ValueError for a rule that is unknown or has no name."""
    rules = dict(_DEFAULT)
    for pair in filter(None, map(str.strip, text.split(","))):
        name, _, rule = pair.rpartition("=")
        if not name.strip() or rule.strip() not in set(LabelRule):
            raise ValueError(
                f"LABEL_RULES must be name=drop, name=span or name=keep, by commas, not {pair!r}"
            )
        rules[name.strip()] = LabelRule(rule.strip())
    return MappingProxyType(rules)


def dropped_labels(text: str) -> frozenset[str]:
    """The names of the labels that are dropped."""
    return frozenset(name for name, rule in parse_label_rules(text).items() if rule is LabelRule.DROP)
