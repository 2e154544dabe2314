"""Write the dashboards: `python -m dashboards.build`. What is committed under grafana/ is what this writes; a test compares."""

from __future__ import annotations

from pathlib import Path

from dashboards import lock, models, queue
from dashboards.board import Board

BOARDS: tuple[Board, ...] = (lock.BOARD, queue.BOARD, models.BOARD)
FOLDER = Path(__file__).parent / "grafana"


def write() -> None:
    """Write every dashboard into its file."""
    FOLDER.mkdir(exist_ok=True)
    for board in BOARDS:
        (FOLDER / board.file).write_text(board.text(), encoding="utf-8")


if __name__ == "__main__":
    write()
