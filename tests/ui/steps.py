"""Steps that several tests of the web page share: opening a profile and its flame graph, reading exports."""

import re
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

from playwright.sync_api import Page, expect

from flamehouse.pb.profile_pb2 import Profile
from tests.ui.profiles import TYPE

SINGLE: Final = f"/?page=single&from=now-3h&query={quote(TYPE + '{service_name="checkout"}')}"


def parameters(page: Page) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(page.url).query).items()}


def flame(page: Page, label: str = "Flame graph") -> None:
    """Waits for the flame graph and focuses it."""
    tree = page.get_by_role("tree", name=re.compile(f"^{label}"))
    expect(tree.get_by_role("treeitem").first).to_be_attached()
    tree.focus()


def stacks(profile: Profile) -> dict[tuple[str, ...], int]:
    """Returns the value of each stack, innermost frame first; the order of samples has no meaning."""
    names = {each.id: profile.string_table[each.name] for each in profile.function}
    frames = {each.id: [names[line.function_id] for line in each.line] for each in profile.location}
    found = {
        tuple(name for location in sample.location_id for name in frames[location]): sample.value[0]
        for sample in profile.sample
    }
    assert found
    return found
