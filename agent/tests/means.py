"""What tests need of a machine. In CI it has to be there: a test that is passed over proves nothing."""

from __future__ import annotations

import os

import pytest


def needs(there: bool, missing: str) -> pytest.MarkDecorator:
    """Passes a test over where its means are missing, and says so; in CI it runs all the same, and fails."""
    return pytest.mark.skipif(not there and os.environ.get("CI") != "true", reason=missing)
