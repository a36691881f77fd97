"""Normalizes names of classes and libraries that a JVM generates anew in every run.

The rules are those of github.com/grafana/jfr-parser, so that frames have the same names as in Grafana Pyroscope.
"""

import re
from typing import Final

_HINTS: Final = ("$$", ".so", "GeneratedMethodAccessor")
"""Every name that a rule applies to contains one of these."""

_RULES: Final = tuple(
    (re.compile(pattern, re.ASCII), name)
    for pattern, name in (
        (r"(jdk/internal/reflect/GeneratedMethodAccessor)\d+", r"\1_"),
        (r"(.+\$\$Lambda)(?:\$?\d*[./](?:0x)?[\da-f]+|\d+)", r"\1_"),
        (
            r"(?:\.?/tmp/)?libzstd-jni-\d+\.\d+\.\d+-\d+\.so(?: \(deleted\))?",
            "libzstd-jni-_.so",
        ),
        (
            (
                r"(?:\.?/tmp/)?(?:lib)?amazonCorrettoCryptoProvider(?:NativeLibraries\.)?[0-9a-f]{16}"
                r"(?:/libcrypto|/libamazonCorrettoCryptoProvider)?\.so(?: \(deleted\))?"
            ),
            "libamazonCorrettoCryptoProvider_.so",
        ),
        (
            (
                r"(?:\.?/tmp/)?libasyncProfiler-(?:linux-arm64|linux-musl-x64|linux-x64|macos)-"
                r"17b9a1d8156277a98ccc871afa9a8f69215f92\.so(?: \(deleted\))?"
            ),
            "libasyncProfiler-_.so",
        ),
        (r"(.+\$\$EnhancerBySpringCGLIB\$\$).*", r"\1_"),
    )
)


def normal_name(symbol: str) -> str:
    """Returns the symbol's name with its generated part replaced."""
    if any(hint in symbol for hint in _HINTS):
        for pattern, name in _RULES:
            match = pattern.fullmatch(symbol)
            if match is not None:
                symbol = match.expand(name)
    return symbol
