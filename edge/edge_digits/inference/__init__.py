"""Model files: their card, their contract, and onnxruntime, which nothing else imports."""
