"""What `vigil sandbox faults` shows people."""

from __future__ import annotations

from bot.sandbox.faults import CATALOGUE, Faults, parse
from supervisor.app.sandbox import fault_table


def test_the_list_of_faults_fits_a_terminal_and_its_values_stand_under_each_other() -> None:
    """However long a value or an explanation is, it moves no other column and no line is broken by the terminal."""
    faults = Faults()
    faults.apply(parse("provider_refuse=402*2"))
    faults.apply(parse("telegram_migrated=-100500>-1001234567890"))
    lines = fault_table(faults.describe()).splitlines()
    assert max(map(len, lines)) < 80
    heads = [line for line in lines if not line.startswith("   ")]
    column = 2 + max(map(len, CATALOGUE)) + 2
    assert [line[2:column].strip() for line in heads] == list(CATALOGUE)
    values = dict(zip(CATALOGUE, (line[column:] for line in heads), strict=True))
    assert values["provider_refuse"] == "402 (next 2)"
    assert values["telegram_migrated"] == "-100500>-1001234567890"
    assert values["provider_callback_key"] == "sandbox-callback-key"
    assert [line[0] for line in heads].count("*") == 2
    assert " ".join(" ".join(lines).split()).count("(takes ") == len(CATALOGUE)
