"""Closed forms, one module per model: pure functions of numbers, each with its paper, its symbols and its units."""
