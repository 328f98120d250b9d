"""What an artifact is: its columns, its place, its name, what it was made from, and by which code."""
