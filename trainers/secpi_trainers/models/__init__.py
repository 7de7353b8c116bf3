"""Models as they are loaded, kept and looked at while they train."""
