"""One module a revision; a released revision never changes."""
