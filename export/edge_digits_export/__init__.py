"""Export for edge-digits: a trained Keras network -> one ONNX file that the runner takes. Needs the extra `train`."""
