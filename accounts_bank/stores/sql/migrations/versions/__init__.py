"""One module a revision; what one made once is never changed afterwards."""
