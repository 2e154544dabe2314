"""`vigil models`: what it prints for people and for programs, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from bot.catalogue import Catalogue, CatalogueError, load
from supervisor.app import models
from supervisor.cli import parser
from supervisor.errors import ConfigError, ExitCode, SupervisorError, UsageError

DOCUMENT = (Path(__file__).parents[4] / "docs" / "commands.md").read_text(encoding="utf-8")
CATALOGUE = load()


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands have the shipped catalogue, as read above."""
    monkeypatch.setattr(models, "load", lambda: CATALOGUE)
    monkeypatch.delenv("FREE_MODELS", raising=False)


def run(*words: str) -> int:
    arguments = parser().parse_args(["models", *words])
    code: int = anyio.run(arguments.command, arguments)
    return code


def test_the_list_is_sorted_by_category_and_price(capsys: pytest.CaptureFixture[str]) -> None:
    """The cheapest first; the category once; what is not verified is marked."""
    assert run("list") == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["CATEGORY", "MODEL", "NAME", "CREDITS"]
    assert lines[1].split() == ["image", "z-image", "Z-Image", "0.8"]
    assert sum(line.startswith("image ") for line in lines) == 1
    assert any("veo3_fast" in line and line.endswith("60 to 250       unverified") for line in lines)
    assert any("wan/2-2-animate-move" in line and line.endswith("6 to 12.5 /s") for line in lines)
    assert lines[-1].startswith(f"{len(CATALOGUE)} models, 18 known and not sold")


def test_programs_get_the_documented_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """The fields of docs/commands.md, no more and no fewer."""
    for words, row in (
        (("list", "--category", "audio"), "models list"),
        (("show", "z-image"), "models show"),
        (("lint",), "models lint"),
        (("price", "z-image"), "models price"),
    ):
        assert run(*words, "--json") == ExitCode.OK
        found = json.loads(capsys.readouterr().out)
        (line,) = [each for each in DOCUMENT.splitlines() if each.startswith(f"| `{row}")]
        assert set(found[0] if isinstance(found, list) else found) <= fields(line) | fields_above(row)
        assert fields(line) - set(found[0] if isinstance(found, list) else found) <= {"en", "ru", "takes"}


def fields(line: str) -> set[str]:
    return set(line.split("|")[2].split("`")[1::2])


def fields_above(row: str) -> set[str]:
    (line,) = [each for each in DOCUMENT.splitlines() if each.startswith("| `models list`")]
    return fields(line) if row == "models show" else set()


def test_a_model_is_shown_with_its_inputs_and_price(capsys: pytest.CaptureFixture[str]) -> None:
    """Also the name on the wire where it differs, what is always sent, and that a wire is unverified."""
    assert run("show", "kling/ai-avatar-v1-pro") == ExitCode.OK
    shown = capsys.readouterr().out
    assert "on the wire kling/ai-avatar-pro" in shown
    assert "16 per second of audio_url" in shown
    assert "at most   240 credits" in shown
    assert "audio file, up to 10 MB, 15 s; mpeg" in shown
    assert run("show", "runway/gen-4") == ExitCode.OK
    shown = capsys.readouterr().out
    assert "unverified" in shown
    assert "5 | 10, 5 if not given" in shown
    assert run("show", "z-image") == ExitCode.OK
    assert "nsfw_checker=true" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("z-image",), "0.8 credits, whatever the inputs"),
        (("kling-2.6/text-to-video", "duration=10", "sound=yes"), "220 credits for duration=10, sound=true"),
        (("wan/2-2-animate-move", "video_url=12s", "resolution=720p"), "150 credits"),
        (("qwen/image-to-image", "image_url=2000x1000"), "8 credits"),
        (("elevenlabs/text-to-speech-turbo-2-5", "text=hello"), "0.1 credits for text=5 characters"),
        (("elevenlabs/sound-effect-v2", "duration_seconds=7"), "1.7 credits"),
        (("ideogram/v3-remix", "strength=0.5", "rendering_speed=QUALITY"), "10 credits"),
        (("gpt-image/1.5-image-to-image", "input_urls=file,file"), "4 credits"),
    ],
)
def test_a_quote_needs_only_what_the_price_depends_on(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user's price first, then what the operator pays."""
    assert run("price", *words) == ExitCode.OK
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(said)
    assert second.startswith("The provider takes ")


def test_a_quote_for_programs_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    """Milli-credits for the user; the provider's credits and dollars as decimals in text."""
    assert run("price", "elevenlabs/sound-effect-v2", "duration_seconds=1", "--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {
        "model": "elevenlabs/sound-effect-v2",
        "milli_credits": 300,
        "credits": "0.3",
        "provider_credits": "0.24",
        "cost_usd": "0.0012",
        "inputs": {"duration_seconds": "1"},
    }


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (("z-image", "aspect_ratio=7:7"), "aspect_ratio is not offered", "aspect_ratio=1:1"),
        (("z-image", "colour=red"), "colour is no input of this model", "prompt, aspect_ratio"),
        (("z-image", "red"), "red is no input", "KEY=VALUE"),
        (("z-image", "aspect_ratio=1:1", "aspect_ratio=4:3"), "aspect_ratio is no input", "aspect_ratio=1:1"),
        (("z-image", "prompt=" + "x" * 1001), "prompt is too long", "1 to 1000"),
        (("z-image", "prompt= "), "prompt is missing", "1 to 1000"),
        (("runway/gen-4", "duration=10", "quality=1080p"), "quality is not sold together", "quality=720p"),
        (("kling-2.6/text-to-video", "sound=maybe"), "sound cannot be that", "sound=true"),
        (("elevenlabs/sound-effect-v2", "duration_seconds=2.5"), "duration_seconds cannot be", "duration_seconds=1"),
        (("elevenlabs/sound-effect-v2", "duration_seconds=" + "9" * 5000), "duration_seconds cannot be", "1 to 22"),
        (("elevenlabs/sound-effect-v2", "duration_seconds=-3"), "duration_seconds is out of range", "1 to 22"),
        (("ideogram/v3-remix", "strength=NaN"), "strength cannot be that", "strength=0.01"),
        (("ideogram/v3-remix", "strength=much"), "strength cannot be that", "strength=0.01"),
        (("wan/2-2-animate-move",), "video_url is missing", "video_url=5s"),
        (("wan/2-2-animate-move", "video_url=file"), "video_url needs a measure", "video_url=5s"),
        (("wan/2-2-animate-move", "video_url=31s"), "video_url lasts too long", "30 s"),
        (("wan/2-2-animate-move", "video_url=long"), "video_url cannot be that", "video_url=5s"),
        (("qwen/image-to-image", "image_url=5000x5000"), "image_url is too large a picture", "1024x768"),
        (("flux-2/pro-image-to-image", "input_urls=" + ",".join(["file"] * 9)), "input_urls takes fewer", "1 to 8"),
    ],
)
def test_an_input_that_the_model_refuses_is_named_with_what_would_be_right(
    words: tuple[str, ...], said: str, hint: str
) -> None:
    """64, before any price is told."""
    with pytest.raises(UsageError) as told:
        run("price", *words)
    assert said in str(told.value)
    assert hint in (told.value.hint or "")
    assert told.value.exit_code == 64


@pytest.mark.parametrize(
    ("name", "said", "hint"),
    [
        ("z-imagge", "there is no model 'z-imagge'", "vigil models show z-image"),
        ("§", "there is no model", "vigil models list"),
        ("kling/v2-5-turbo", "is not sold: a name from a marketing page", "kling/v2-5-turbo-text-to-video-pro"),
        ("sora-2-characters", "is not sold: nobody knows its price", "vigil models list"),
    ],
)
def test_a_model_that_is_not_sold_is_told_with_what_is(name: str, said: str, hint: str) -> None:
    """A near name, or what an alias stands for."""
    for verb in ("show", "price"):
        with pytest.raises(SupervisorError) as told:
            run(verb, name)
        assert said in str(told.value)
        assert hint in (told.value.hint or "")
        assert told.value.exit_code == 64


def test_a_problem_of_the_lint_is_a_line_and_exit_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a rule, of FREE_MODELS, and of a file that cannot be read; JSON says the same."""
    assert run("lint") == ExitCode.OK
    assert "80 models on sale" in capsys.readouterr().out
    monkeypatch.setenv("FREE_MODELS", "z-image, fable")
    assert run("lint") == ExitCode.FAILED
    assert capsys.readouterr().out == "fable: listed in FREE_MODELS and not on sale\n"

    def broken() -> Catalogue:
        raise CatalogueError(["a.yaml: models[0]: price: missing", "b.yaml: nothing"])

    monkeypatch.setattr(models, "load", broken)
    assert run("lint") == ExitCode.FAILED
    assert capsys.readouterr().out.splitlines() == ["a.yaml: models[0]: price: missing", "b.yaml: nothing"]
    assert run("lint", "--json") == ExitCode.FAILED
    assert json.loads(capsys.readouterr().out)["problems"] == ["a.yaml: models[0]: price: missing", "b.yaml: nothing"]
    with pytest.raises(ConfigError, match=r"a.yaml: models\[0\]: price: missing, and 1 more") as told:
        run("list")
    assert (told.value.exit_code, told.value.hint) == (78, "vigil models lint")
