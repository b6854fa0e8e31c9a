"""Where readings go: table, JSON Lines, CSV, annotated pictures, crops, explanation sheets."""
