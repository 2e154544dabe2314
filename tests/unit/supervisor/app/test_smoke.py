"""The smoke checks of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from bot import catalogue
from bot.catalogue import Catalogue, CatalogueError, Model
from supervisor.app import smoke


def results(models: Mapping[str, Model]) -> dict[str, str]:
    return {check.name: check.result for check in smoke.models(lambda: Catalogue(models))}


def test_the_catalogue_of_this_build_passes() -> None:
    """It loads, it has the models that are promised, and plain text finds its own."""
    assert results(catalogue.load().models) == {"models": "ok", "model count": "ok", "z-image": "ok"}


def test_seventy_models_are_enough_and_fewer_are_not() -> None:
    """The predecessor's number."""
    model = catalogue.load().models["z-image"]
    many = {"z-image": model} | {f"m{number}": model for number in range(69)}
    assert results(many)["model count"] == "ok"
    assert results({name: model for name in many if name != "m0"})["model count"] == "failed"


def test_a_catalogue_without_the_model_that_plain_text_needs_fails() -> None:
    """And so does one whose model does not take a prompt and an aspect ratio."""
    model = catalogue.load().models["z-image"]
    assert results({"other": model}) == {"models": "failed"}
    inputs = {"prompt": model.inputs["prompt"]}
    assert results({"z-image": model.model_copy(update={"inputs": inputs})})["z-image"] == "failed"


def test_a_catalogue_that_does_not_load_fails_with_its_first_problem() -> None:
    """The rest is one command away."""

    def load() -> Catalogue:
        raise CatalogueError(["a.yaml: models[0]: price: missing", "b.yaml: nothing"])

    (found,) = smoke.models(load)
    assert found.result == "failed"
    assert "a.yaml" in found.found
