"""What a reader asks of results: what is in a file, where a sample comes from, what is out of date, what is wrong."""
