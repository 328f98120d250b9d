"""Kinds of values that examples are made of."""
