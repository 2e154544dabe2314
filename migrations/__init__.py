"""Schema migrations as plain SQL files: data only."""
