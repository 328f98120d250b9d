"""Gather every arm's metrics into one tidy table."""
