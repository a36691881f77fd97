"""The files of the web page as HTTP responses; imports only the standard library.

`index.html` refers to its assets below `ui/VERSION/`, where VERSION is a hash of all files. Browsers revalidate
`index.html` at every visit, and cache the assets for good.
"""

import gzip
import hashlib
import html
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import parse_qs

STATIC: Final = Path(__file__).parent / "static"

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Media types by suffix; files with other suffixes, such as licenses and notes, are not served."""
_INDEX: Final = "index.html"
_ENTRY: Final = "js/app.js"
_IMPORT: Final = re.compile(rb'^import .* from "([^"]+)";$', re.MULTILINE)
_OPENED: Final = re.compile(rb'import\("\./pages/(\w+)\.js"\)')
"""The statement by which the entry module loads the module of a page."""
_START: Final = "overview"
"""The page for a URL that names no page."""
_IMMUTABLE: Final = "max-age=31536000, immutable"
_REVALIDATED: Final = "no-cache"
_PARTS: Final = {".css", ".js"}
"""The suffixes of files that only a document uses: the document's policies apply, so they need no such headers."""
_NOT_SNIFFED: Final = {"X-Content-Type-Options": "nosniff"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src {connect}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResponse:
    """A response for an adapter, which must not compress the body again."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """A deployment's options for the page.

    `api_url` is the server to query, if it is not the one that serves the page. `source_hosts` are
    additional repository hosts, such as `git.example.com=gitlab,code.example.com=github`.
    """

    api_url: str = ""
    source_hosts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asset:
    body: bytes
    gzipped: bytes
    media_type: str
    etag: str
    is_part: bool

    @classmethod
    def of(cls, body: bytes, suffix: str) -> Self:
        return cls(
            body=body,
            gzipped=gzip.compress(body, mtime=0),
            media_type=_TYPES[suffix],
            etag=f'"{hashlib.sha256(body).hexdigest()[:16]}"',
            is_part=suffix in _PARTS,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page in memory: an `index.html` for each page it can open, and assets by their path below `ui/VERSION/`."""

    version: str
    indexes: Mapping[str, _Asset]
    assets: Mapping[str, _Asset]
    policy: str

    @classmethod
    def load(cls, options: PageOptions) -> Self:
        """Read all files and return the page."""
        files = {
            path.relative_to(STATIC).as_posix(): path.read_bytes()
            for path in sorted(STATIC.rglob("*"))
            if path.suffix in _TYPES
        }
        digest = hashlib.sha256()
        for name, body in files.items():
            digest.update(f"{name} {len(body)}\n".encode() + body)
        version = digest.hexdigest()[:12]
        template = files.pop(_INDEX).decode()
        return cls(
            version=version,
            indexes={
                name.decode(): _Asset.of(
                    _filled(template, version, options, _modules(name.decode(), files)).encode(), ".html"
                )
                for name in _OPENED.findall(files[_ENTRY])
            },
            assets={name: _Asset.of(body, Path(name).suffix) for name, body in files.items()},
            policy=_POLICY.format(connect=f"'self' {_origin(options.api_url)}".strip()),
        )

    def respond(self, path: str, query: str, headers: Mapping[str, str]) -> PageResponse:
        """Return the response to GET `path?query`; `path` is `/` or below `/ui/`, names of `headers` are in lower case.

        Visitors may arrive during a deployment: a URL of another version gets this version's file, to be revalidated.
        """
        if path == "/":
            index = self.indexes.get(_page_named(query), self.indexes[_START])
            return self._file(index, headers, _REVALIDATED)
        version, _, name = path.removeprefix("/ui/").partition("/")
        asset = self.assets.get(name)
        if asset is None:
            return PageResponse(
                status=404,
                headers={**self._security(), "Content-Type": "application/json"},
                body=b'{"code":"not_found","message":"the web page has no such file; reload it"}',
            )
        return self._file(asset, headers, _IMMUTABLE if version == self.version else _REVALIDATED)

    def _file(self, asset: _Asset, headers: Mapping[str, str], caching: str) -> PageResponse:
        common = {
            **(_NOT_SNIFFED if asset.is_part else self._security()),
            # Browsers never revalidate an immutable response.
            **({} if caching == _IMMUTABLE else {"ETag": asset.etag}),
            "Cache-Control": caching,
            "Vary": "Accept-Encoding",
        }
        if asset.etag in headers.get("if-none-match", ""):
            return PageResponse(status=304, headers=common)
        common["Content-Type"] = asset.media_type
        if "gzip" in headers.get("accept-encoding", ""):
            return PageResponse(
                status=200, headers={**common, "Content-Encoding": "gzip"}, body=asset.gzipped
            )
        return PageResponse(status=200, headers=common, body=asset.body)

    def _security(self) -> dict[str, str]:
        return {
            "Content-Security-Policy": self.policy,
            **_NOT_SNIFFED,
            "Referrer-Policy": "no-referrer",
        }


def _filled(template: str, version: str, options: PageOptions, modules: set[str]) -> str:
    """Return the completed `index.html`, which lists the modules so that the browser fetches them at once."""
    links = "".join(f'<link rel="modulepreload" href="ui/{version}/{name}">' for name in sorted(modules))
    template = template.replace("{{modules}}", links)
    blanks = {
        "{{version}}": version,
        "{{api_url}}": options.api_url,
        "{{source_hosts}}": options.source_hosts,
    }
    for blank, value in blanks.items():
        template = template.replace(blank, html.escape(value))
    return template


def _modules(page: str, files: Mapping[str, bytes]) -> set[str]:
    """Return the modules that a page needs for its first render."""
    return _imported(_ENTRY, files) | _imported(f"js/pages/{page}.js", files)


def _page_named(query: str) -> str:
    """Return the page that a URL opens, as `js/url_state.js` does. Pyroscope's links have a query and no page."""
    sent = parse_qs(query)
    implied = "diff" if "leftQuery" in sent else "single" if "query" in sent else _START
    return sent.get("page", [implied])[0]


def _imported(entry: str, files: Mapping[str, bytes]) -> set[str]:
    """Return the module `entry` and all its static imports; `import()` loads other modules on demand."""
    found, due = set[str](), [entry]
    while due:
        name = due.pop()
        if name not in found:
            found.add(name)
            folder = posixpath.dirname(name)
            due += [posixpath.normpath(f"{folder}/{each.decode()}") for each in _IMPORT.findall(files[name])]
    return found


def _origin(url: str) -> str:
    """Return the origin of a URL (scheme, host and port), for a Content-Security-Policy."""
    return "/".join(url.split("/")[:3])
