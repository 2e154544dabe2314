"""docs/models.md says what is sold, and CONTRIBUTING.md how to sell one more."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

from bot import pricing
from bot.catalogue import check, load, loader
from bot.catalogue.document import document, price_line
from bot.catalogue.facts import known_models, wire_records
from bot.catalogue.lint import lint

ROOT = Path(__file__).parents[4]
TODAY = dt.date(2026, 11, 24)


def test_the_table_of_models_is_current() -> None:
    """Otherwise: python -m bot.catalogue.document > docs/models.md."""
    assert (ROOT / "docs" / "models.md").read_text(encoding="utf-8") == document(load())


def test_a_price_can_be_read() -> None:
    """A number, each combination with its number, or so much a unit."""
    lines = {model.id: price_line(model) for model in load()}
    assert lines["z-image"] == "0.8"
    assert lines["flux-2/pro-text-to-image"] == "5 (1K), 7 (2K)"
    assert lines["kling-2.6/text-to-video"].startswith("55 (duration 5, no sound), 110 (duration 10, no sound)")
    assert lines["kling/v1-avatar-standard"] == "8 per second of audio_url"


def test_the_model_of_the_contributors_guide_is_sold_by_its_entry_alone(tmp_path: Path) -> None:
    """The example, put into a file of its own beside the shipped ones: it loads, it passes the lint, it is quoted."""
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Adding a model")[2]
    (example,) = re.findall(r"```yaml\n(.+?)```", guide.partition("\n## ")[0], re.DOTALL)
    for file in Path(loader.__file__).parent.glob("*.yaml"):
        shutil.copy(file, tmp_path)
    (tmp_path / "fable.yaml").write_text(example, encoding="utf-8")
    catalogue = load(tmp_path)
    assert lint(catalogue, known_models(), wire_records(), today=TODAY) == []
    model = catalogue.models["happyhorse/text-to-video"]
    inputs = check(model, {"prompt": "a horse in the surf", "duration": "10", "resolution": "1080p"})
    assert pricing.price(model, inputs) == 180_000
    assert model.id not in load().models
