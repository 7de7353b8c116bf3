"""Answering requests with a model."""
