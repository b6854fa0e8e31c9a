"""The commands `train`, `evaluate` and `data`, a thin module each."""
