"""Parts that the SQL and the MongoDB stores share."""
