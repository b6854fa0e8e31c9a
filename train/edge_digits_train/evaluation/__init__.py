"""How well a model reads labelled pictures, and where it errs."""
