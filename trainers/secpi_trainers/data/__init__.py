"""Samples become rows of token ids and labels."""
