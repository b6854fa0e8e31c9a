"""The models that ship with edge-digits: data only."""
