"""Training for edge-digits: data sets, augmentation, architectures, recipes. Needs the extra `train`."""
