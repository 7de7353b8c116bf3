"""Weights go to the Hub from where they are."""
