"""The part of secpi that stays where a job runs: it starts the job once, watches it, and says what came of it."""
