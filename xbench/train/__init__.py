"""The only place that imports torch and transformers: models, encoding, training, prediction."""
