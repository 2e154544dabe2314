"""The standard OTEL_* settings that this program understands, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

EXPORT_SECONDS = 2.0
"""How long one export may take; with the default of 10 s a dead collector holds up a shutdown for 20 s."""

_RATIOS: Mapping[str, float | None] = {"always_on": 1.0, "always_off": 0.0, "traceidratio": None}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where traces go, which share of them, and what is said about the sender."""

    url: str
    headers: dict[str, str]
    resource: dict[str, str]
    ratio: float
    timeout_seconds: float

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self | None:
        """Read the standard names; None when tracing is off. Raise ValueError for what cannot be done."""
        given = {name: value.strip() for name, value in environ.items() if name.startswith("OTEL_") and value.strip()}
        if given.get("OTEL_SDK_DISABLED", "").lower() == "true" or given.get("OTEL_TRACES_EXPORTER") == "none":
            return None
        base = given.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        url = given.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or (base and base.rstrip("/") + "/v1/traces")
        if not url:
            return None
        if not url.startswith(("http://", "https://")):
            raise ValueError(
                "OTEL_EXPORTER_OTLP_ENDPOINT is no http:// or https:// URL; name the collector's port 4318."
            )
        _check_protocol(given)
        headers = given.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or given.get("OTEL_EXPORTER_OTLP_HEADERS", "")
        resource = _pairs(given.get("OTEL_RESOURCE_ATTRIBUTES", ""))
        return cls(url, _pairs(headers), resource, _ratio(given), _timeout(given))


def _check_protocol(given: Mapping[str, str]) -> None:
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if given.get(name, "http/protobuf") != "http/protobuf":
            raise ValueError(
                f"{name} is {given[name]}, but only http/protobuf is supported; use the collector's port 4318."
            )


def _pairs(text: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in text.split(",") if "=" in item)
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}


def _ratio(given: Mapping[str, str]) -> float:
    sampler = given.get("OTEL_TRACES_SAMPLER", "traceidratio").removeprefix("parentbased_")
    if sampler not in _RATIOS:
        known = ", ".join([*_RATIOS, *(f"parentbased_{name}" for name in _RATIOS)])
        raise ValueError(f"OTEL_TRACES_SAMPLER is {sampler}; known are {known}.")
    fixed = _RATIOS[sampler]
    if fixed is not None:
        return fixed
    text = given.get("OTEL_TRACES_SAMPLER_ARG", "1.0")
    ratio = _number(text)
    if ratio is None or not 0.0 <= ratio <= 1.0:
        raise ValueError(f"OTEL_TRACES_SAMPLER_ARG is {text}; it must be a number from 0 to 1.")
    return ratio


def _timeout(given: Mapping[str, str]) -> float:
    text = given.get("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT") or given.get("OTEL_EXPORTER_OTLP_TIMEOUT")
    if text is None:
        return EXPORT_SECONDS
    milliseconds = _number(text)
    if milliseconds is None or milliseconds <= 0:
        raise ValueError(f"OTEL_EXPORTER_OTLP_TIMEOUT is {text}; it must be a positive number of milliseconds.")
    return min(milliseconds / 1000.0, EXPORT_SECONDS)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
