"""The proof of the books: every number follows from the journal."""
