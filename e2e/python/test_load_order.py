"""The judge of `make load`: which statements started ahead of one that had come before them."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NOTED_WITHIN_US = 5


@pytest.fixture(scope="module")
def order():
    places = [str(ROOT / "bench" / "admission"), str(ROOT / "bench")]
    sys.path[:0] = places
    try:
        import order

        yield order
    finally:
        for place in places:
            sys.path.remove(place)


@pytest.mark.parametrize(
    ("statements", "passed"),
    [
        ([], 0),
        ([(0, 10), (100, 110), (200, 210)], 0),
        # One that waits is passed by two.
        ([(0, 300), (100, 110), (200, 210)], 2),
        # One passes two that wait, and one of these the other.
        ([(0, 500), (100, 400), (200, 210)], 2),
        # What is noted almost at once tells of no order.
        ([(0, 110), (100, 106)], 0),
        ([(0, 110), (4, 50)], 0),
        ([(0, 110), (6, 50)], 1),
        # Nobody passes one that is too big for every worker.
        ([(0, 300, True), (100, 110), (200, 210)], 0),
        ([(0, 300), (50, 310, True), (100, 110)], 1),
    ],
)
def test_statements_that_passed_are_counted(order, statements, passed):
    rows = [
        {"arrived": arrived, "started": started, "too_big": bool(too_big)}
        for arrived, started, *too_big in statements
    ]
    assert order.passed(rows, NOTED_WITHIN_US) == passed
