"""How a run and its jobs live: how they start, write files, keep out of each other's way, and die."""
