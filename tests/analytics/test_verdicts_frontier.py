from __future__ import annotations

from analytics.ranking.frontier import Contestant, Place, frontier


def at(name: str, quality: float | None, cost: float | None, p95: float | None) -> Contestant:
    return Contestant(name=name, quality=quality, cost=cost, p95=p95)


def dominated(*contestants: Contestant) -> dict[str, tuple[str, ...]]:
    return {place.name: place.dominated_by for place in frontier(contestants)}


def test_worse_in_one_thing_and_better_in_none_is_dominated() -> None:
    places = dominated(at("good", 0.8, 5, 900), at("dear", 0.8, 6, 900), at("quick", 0.5, 9, 100))
    assert places == {"good": (), "dear": ("good",), "quick": ()}


def test_equals_do_not_dominate_one_another() -> None:
    assert dominated(at("a", 0.8, 5, 900), at("b", 0.8, 5, 900)) == {"a": (), "b": ()}


def test_all_that_dominate_are_named() -> None:
    places = dominated(at("a", 0.9, 1, 1), at("b", 0.8, 2, 2), at("c", 0.7, 3, 3))
    assert places == {"a": (), "b": ("a",), "c": ("a", "b")}


def test_what_is_unknown_neither_dominates_nor_is_dominated() -> None:
    places = frontier([at("a", 0.9, None, 1), at("b", 0.5, 5, 5), at("c", 0.4, 6, 6)])
    assert places == [
        Place(name="a", dominated_by=(), unknown=("cost",)),
        Place(name="b", dominated_by=(), unknown=()),
        Place(name="c", dominated_by=("b",), unknown=()),
    ]


def test_what_is_unknown_of_all_is_not_compared() -> None:
    places = frontier([at("a", None, 1, 1), at("b", None, 2, 2)])
    assert [(place.on_frontier, place.unknown) for place in places] == [(True, ()), (False, ())]


def test_free_is_the_cheapest_and_nobody_is_nothing() -> None:
    assert dominated(at("local", 0.5, 0, 10), at("paid", 0.5, 1, 10))["paid"] == ("local",)
    assert frontier([]) == []
