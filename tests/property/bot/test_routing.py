"""Routing for any request and any state of the models: never more than it says, never a model that cannot."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot import pricing
from bot.breaker import Breaker
from bot.catalogue import File, check, load
from bot.health import Standing
from bot.ports import Health
from bot.routing import Request, route, substitute

CATALOGUE = load()
PHOTO = File("photo", "image", size=100, mime="image/png", width=640, height=480)
REQUESTS = st.builds(
    Request,
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=400).filter(str.strip)
    | st.sampled_from(["a sign with text", "fox in 4k", '"HELLO THERE" in 2K']),
    st.sampled_from([(), (PHOTO,)]),
    st.booleans(),
)
STANDING = st.builds(
    Standing,
    st.builds(Health, st.none() | st.floats(0, 1)),
    st.builds(Breaker, opened_at=st.none() | st.floats(-100, 0)),
)
STANDINGS = st.dictionaries(st.sampled_from(sorted(CATALOGUE.models)), STANDING)


@given(REQUESTS, STANDINGS)
def test_a_route_leads_to_a_healthy_model_that_takes_the_request_at_its_price(
    request: Request, standings: dict[str, Standing]
) -> None:
    """The inputs are complete, the words unchanged, the price that of these very inputs."""
    found = route(request, CATALOGUE, standings, 0.0)
    if found is None:
        return
    assert standings.get(found.model.id, Standing()).is_healthy(0.0)
    inputs = check(found.model, found.inputs)
    assert inputs[found.model.words or ""] == request.words
    assert pricing.price(found.model, inputs) == found.price
    assert bool(request.pictures) == any(isinstance(value, tuple) for value in inputs.values())


@given(REQUESTS, STANDINGS)
def test_the_best_price_is_the_best(request: Request, standings: dict[str, Standing]) -> None:
    """No other way of the same request is cheaper."""
    best = Request(request.words, request.pictures, best_price=True)
    found, other = route(best, CATALOGUE, standings, 0.0), route(request, CATALOGUE, standings, 0.0)
    assert (found is None) == (other is None)
    assert found is None or other is None or found.price <= other.price


@given(REQUESTS, STANDINGS, st.sets(st.sampled_from(sorted(CATALOGUE.models))))
def test_whoever_takes_over_is_another_healthy_model_and_costs_no_more(
    request: Request, standings: dict[str, Standing], tried: set[str]
) -> None:
    """And it can do what was asked for: the same words and pictures, the same demands."""
    first = route(request, CATALOGUE, {}, 0.0)
    assert first is not None
    inputs = check(first.model, first.inputs)
    other = substitute(first.model, inputs, first.price, catalogue=CATALOGUE, standings=standings, now=0.0, tried=tried)
    if other is None:
        return
    assert other.model.id not in {first.model.id, *tried}
    assert 0 < other.price <= first.price
    assert other.price == pricing.price(other.model, check(other.model, other.inputs))
    assert other.inputs[other.model.words or ""] == request.words
    assert set(request.demands) <= set(other.model.capabilities)
    assert standings.get(other.model.id, Standing()).is_healthy(0.0)
