"""The Python half of secpi: one JSON job in, an event stream and a result out. See README.md for the formats."""

__version__ = "0.1.0"
