"""The argument of `flamehouse retention set`."""

import pytest

from flamehouse.store.schema import retention


@pytest.mark.parametrize(
    ("argument", "days"), [("30d", 30), ("30", 30), ("1d", 1), ("10000d", 10_000), ("forever", 0), ("0", 0)]
)
def test_a_retention_is_read_from_its_argument(argument: str, days: int) -> None:
    assert retention.days_of(argument) == days


@pytest.mark.parametrize(
    "argument", ["", "d", "-1", "10001", "1w", "1.5d", "30 d", "30d\n", "٣d", "999999999"]
)
def test_an_invalid_retention_argument_is_rejected(argument: str) -> None:
    with pytest.raises(ValueError, match=r"invalid retention .*: use days from 1d to 10000d, or forever"):
        retention.days_of(argument)
