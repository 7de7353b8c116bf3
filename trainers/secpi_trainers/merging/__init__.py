"""Base and adapter become one model."""
