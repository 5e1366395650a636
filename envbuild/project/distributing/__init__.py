"""Images that were built, on their way: found, fetched, named, joined, written, checked."""
