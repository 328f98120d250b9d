"""Between seeds: what differs, how surely, and how it grows. The seed is the replicate, never the document."""
