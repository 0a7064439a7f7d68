"""Bodies, queries and answers, a module for each subject."""
