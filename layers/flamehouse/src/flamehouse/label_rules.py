"""Rules that drop, rename and hash labels: a label whose values never repeat would create a series per value."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Final


class LabelRule(StrEnum):
    """What happens to a label: it is dropped, stored as the span of its sample, or stored as a label of the series.

    A renamed label gets the name after `rename:`; a hash replaces the value of a hashed label.
    """

    DROP = "drop"
    SPAN = "span"
    KEEP = "keep"
    RENAME = "rename"
    HASH = "hash"


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
"""Labels that tracers attach: Datadog's have spaces in their names, OpenTelemetry's have dots."""


_EVERY_OTHER: Final = "*"
"""The name in the rule for labels without a rule of their own."""
_RENAME: Final = f"{LabelRule.RENAME}:"
_HASH_BYTES: Final = 8
_SERVICE_NAME: Final = "service_name"
_PRIVATE: Final = "__"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRules:
    """The rule of each label. `names` maps renamed labels to their new names; `otherwise` is the rule of all others."""

    rules: Mapping[str, LabelRule]
    names: Mapping[str, str]
    otherwise: LabelRule = LabelRule.KEEP

    def rule_of(self, name: str) -> LabelRule:
        """Return the rule of a label. The service name and private labels never change."""
        if name == _SERVICE_NAME or name.startswith(_PRIVATE):
            return LabelRule.KEEP
        return self.rules.get(name, self.otherwise)

    def relabelled(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels of the series. A label that already has the name wins over one that is renamed to it."""
        changed, renamed = {}, {}
        for name, value in labels.items():
            match self.rule_of(name):
                case LabelRule.KEEP:
                    changed[name] = value
                case LabelRule.HASH:
                    changed[name] = blake2b(value.encode(), digest_size=_HASH_BYTES).hexdigest()
                case LabelRule.RENAME:
                    renamed[self.names[name]] = value
        return {**renamed, **changed}


@lru_cache(maxsize=256)
def parse_label_rules(text: str) -> LabelRules:
    """Parse changes to the default rules, such as `name=drop,other name=keep`; `*` means all labels without a rule.

    Raises: ValueError for a rule that is unknown, has no name, or is for the label `service_name` or a private label.
    """
    rules, names = dict(_DEFAULT), {}
    for pair in filter(None, map(str.strip, text.split(","))):
        name, _, rule = (part.strip() for part in pair.rpartition("="))
        kind, new = (
            (LabelRule.RENAME.value, rule.removeprefix(_RENAME)) if rule.startswith(_RENAME) else (rule, "")
        )
        if not _is_valid(name, kind, new):
            raise ValueError(
                f"invalid rule {pair!r} in LABEL_RULES: use name=drop, name=span, name=keep, name=hash or "
                "name=rename:new, separated by commas; service_name and private labels have no rules"
            )
        rules[name] = LabelRule(kind)
        if new:
            names[name] = new
    otherwise = rules.pop(_EVERY_OTHER, LabelRule.KEEP)
    return LabelRules(rules=MappingProxyType(rules), names=MappingProxyType(names), otherwise=otherwise)


def dropped_labels(text: str) -> frozenset[str]:
    """Return the names of the labels that are dropped."""
    return frozenset(name for name, rule in parse_label_rules(text).rules.items() if rule is LabelRule.DROP)


def _is_valid(name: str, kind: str, new: str) -> bool:
    if not name or any(each == _SERVICE_NAME or each.startswith(_PRIVATE) for each in (name, new)):
        return False
    if name == _EVERY_OTHER:
        return kind in {LabelRule.DROP, LabelRule.KEEP, LabelRule.HASH}
    return kind in set(LabelRule) and bool(new) == (kind == LabelRule.RENAME)
