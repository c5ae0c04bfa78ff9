from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analytics.spans import covered_us, exclusive_us, self_us

SPANS = st.lists(
    st.tuples(st.integers(-5, 60), st.integers(0, 20)).map(lambda s: (s[0], s[0] + s[1]))
)


@given(SPANS)
def test_the_union_is_what_counting_each_instant_gives(spans: list[tuple[int, int]]) -> None:
    assert covered_us(spans) == len({t for a, b in spans for t in range(a, b)})


@given(st.lists(SPANS, max_size=4), st.integers(0, 50))
def test_exclusive_shares_add_up_to_the_duration(
    layers: list[list[tuple[int, int]]], duration: int
) -> None:
    shares = exclusive_us(layers, duration)
    assert sum(shares) == duration
    assert min(shares) >= 0


def test_the_first_layer_wins_where_two_overlap() -> None:
    assert exclusive_us([[(10, 20)], [(0, 30)]], 40) == [10, 20, 10]


def test_self_time_leaves_out_children_once() -> None:
    assert self_us((10, 50), [(0, 20), (15, 30), (45, 90)]) == 15
