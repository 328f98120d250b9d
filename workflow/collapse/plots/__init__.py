"""Figures. Each is a function of a table, and says how many seeds it shows."""
