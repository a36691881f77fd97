"""A parser of the part of Graphviz's DOT that call graphs use (graphviz.org/doc/info/lang.html)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|->|[A-Za-z_]\w*|\d+|[{}\[\]=])', re.DOTALL)
_LABEL_BREAK = re.compile(r"\\([nlr\\])")

type Attributes = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DotGraph:
    """Nodes by id, edges as (tail, head, attributes), and the nodes of clusters separately."""

    name: str
    nodes: Mapping[str, Attributes]
    edges: Sequence[tuple[str, str, Attributes]]
    legend: Attributes


def read_dot(text: str) -> DotGraph:
    """Parses the graph; AssertionError for invalid DOT."""
    tokens = _tokens(text)
    opening, name, brace = (tokens.pop() for _ in range(3))
    assert (opening, brace) == ("digraph", "{")
    nodes: dict[str, Attributes] = {}
    edges: list[tuple[str, str, Attributes]] = []
    legend: Attributes = {}
    while (first := tokens.pop()) != "}":
        if first == "subgraph":
            assert (tokens.pop(), tokens.pop()) == ("cluster_L", "{")
            tokens.pop()
            legend = _attributes(tokens)
            assert tokens.pop() == "}"
        elif tokens[-1] == "->":
            tokens.pop()
            head = tokens.pop()
            edges.append((first, head, _attributes(tokens)))
        else:
            assert first not in nodes
            nodes[first] = _attributes(tokens)
    assert tokens == []
    nodes.pop("node")
    return DotGraph(name=_text(name), nodes=nodes, edges=edges, legend=legend)


def label_lines(label: str) -> list[str]:
    r"""Returns a label's lines as Graphviz shows them: `\n` and `\l` end a line, `\\` is a backslash."""
    lines = [""]
    at = 0
    for found in _LABEL_BREAK.finditer(label):
        lines[-1] += label[at : found.start()]
        at = found.end()
        if found[1] == "\\":
            lines[-1] += "\\"
        else:
            lines.append("")
    lines[-1] += label[at:]
    assert "\\" not in _LABEL_BREAK.sub("", label)
    return lines


def _tokens(text: str) -> list[str]:
    """Returns the tokens in reverse order."""
    tokens, at = [], 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        assert found, text[at : at + 80]
        tokens.append(found[1])
        at = found.end()
    return tokens[::-1]


def _attributes(tokens: list[str]) -> Attributes:
    assert tokens.pop() == "["
    attributes = {}
    while (name := tokens.pop()) != "]":
        assert tokens.pop() == "="
        attributes[name] = _text(tokens.pop())
    return attributes


def _text(token: str) -> str:
    r"""Returns the token as Graphviz reads it before laying out labels: within quotes, only `\"` is an escape."""
    return token[1:-1].replace('\\"', '"') if token.startswith('"') else token
