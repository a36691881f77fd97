"""Names of classes and libraries that a JVM makes up anew in every run, under one name each.

The rules are those of github.com/grafana/jfr-parser, so that frames are called what Grafana Pyroscope calls them.
"""

import re
from typing import Final

_HINTS: Final = ("$$", ".so", "GeneratedMethodAccessor")
"""One of these is in every name that a rule is about."""

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
    """The name that stands for the symbol and all that differ by what was made up."""
    if any(hint in symbol for hint in _HINTS):
        for pattern, name in _RULES:
            match = pattern.fullmatch(symbol)
            if match is not None:
                symbol = match.expand(name)
    return symbol
