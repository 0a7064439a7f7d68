"""`accounts serve`: granian, the RSGI gateway and its threads."""
