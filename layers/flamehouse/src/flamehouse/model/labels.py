"""Label sets: their text form in messages, and the rules for names and values.

Names and values are arbitrary UTF-8, as in Prometheus 3: prometheus.io/docs/concepts/data_model
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.settings import Settings

type LabelSet = tuple[tuple[str, str], ...]
"""Labels as (name, value), names unique."""

_MAX_SHOWN_CHARS: Final = 4096
"""Messages truncate longer label sets."""

_ESCAPES: Final = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
}


def format_labels(labels: Iterable[tuple[str, str]]) -> str:
    """Return the set as Prometheus writes it: `{a="b", c="d"}`, sorted."""
    shown = []
    room = _MAX_SHOWN_CHARS
    for name, value in sorted(labels):
        if room <= 0:
            shown.append("...")
            break
        shown.append(f"{name[:room]}={quoted(value[:room])}")
        room -= len(shown[-1])
    return "{" + ", ".join(shown) + "}"


def quoted(text: str, mark: str = '"') -> str:
    """Return the text in quotation marks, escaped as Go's strconv.Quote does (with `mark` "'": QuoteRune)."""
    if text.isprintable() and mark not in text and "\\" not in text:
        return f"{mark}{text}{mark}"
    return mark + "".join(_escaped(char, mark) for char in text) + mark


def unique_labels(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the pairs by name. Raises RpcError(INVALID_ARGUMENT) for a repeated name."""
    all_pairs = list(pairs)
    labels = dict(all_pairs)
    if len(labels) < len(all_pairs):
        names = sorted(name for name, _ in all_pairs)
        twice = next(name for name, following in pairwise(names) if name == following)
        raise invalid_argument(
            f"profile with labels '{format_labels(all_pairs)}' has duplicate label name: '{twice}'"
        )
    return labels


def validate_labels(labels: Mapping[str, str], settings: Settings) -> None:
    """Check a whole series: its `__name__`, its `service_name` and each label.

    Raises RpcError(INVALID_ARGUMENT), which says what is invalid. Lengths are in bytes of UTF-8.
    """
    if not labels:
        raise invalid_argument("error at least one label pair is required per profile")
    _check_count(labels, settings)
    metric_name = labels.get("__name__", "")
    # A colon separates the parts of a profile type: no query could select such a name.
    if not metric_name or ":" in metric_name or not _is_utf8(metric_name):
        raise _invalid(labels, "invalid metric name")
    if not labels.get("service_name"):
        raise _invalid(labels, "service name is not provided")
    for name, value in sorted(labels.items()):
        _check_lengths(name, value, labels, settings)
        _check_text(name, value, labels)


def check_label_sizes(labels: Mapping[str, str], settings: Settings) -> None:
    """Check the number of labels and their lengths. Raises RpcError(INVALID_ARGUMENT) as `validate_labels` does."""
    _check_count(labels, settings)
    for name, value in sorted(labels.items()):
        _check_lengths(name, value, labels, settings)


def _check_count(labels: Mapping[str, str], settings: Settings) -> None:
    if len(labels) > settings.max_label_names:
        raise invalid_argument(
            f"profile series '{format_labels(labels.items())}' has {len(labels)} label names; "
            f"limit {settings.max_label_names} (MAX_LABEL_NAMES)"
        )


def _check_lengths(name: str, value: str, labels: Mapping[str, str], settings: Settings) -> None:
    if _byte_length(name) > settings.max_label_name_bytes:
        raise _too_long(labels, "name", name, f"MAX_LABEL_NAME_BYTES={settings.max_label_name_bytes}")
    if _byte_length(value) > settings.max_label_value_bytes:
        raise _too_long(labels, "value", value, f"MAX_LABEL_VALUE_BYTES={settings.max_label_value_bytes}")


def _check_text(name: str, value: str, labels: Mapping[str, str]) -> None:
    if not name or not _is_utf8(name):
        raise _invalid(labels, f"invalid label name '{name}'")
    if not _is_utf8(value):
        raise _invalid(labels, f"invalid label value '{value}'")


def _invalid(labels: Mapping[str, str], reason: str) -> RpcError:
    return invalid_argument(f"invalid labels '{format_labels(labels.items())}' with error: {reason}")


def _too_long(labels: Mapping[str, str], part: str, text: str, limit: str) -> RpcError:
    return invalid_argument(
        f"profile with labels '{format_labels(labels.items())}' has label {part} too long: "
        f"'{text[:_MAX_SHOWN_CHARS]}' ({_byte_length(text)} bytes, {limit})"
    )


def _is_utf8(text: str) -> bool:
    """Return whether UTF-8 can encode the text; it cannot encode a lone surrogate, which JSON may contain."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _byte_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _escaped(char: str, mark: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char == mark:
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
