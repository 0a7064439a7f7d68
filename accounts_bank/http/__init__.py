"""HTTP parts that the API and the pages share."""
