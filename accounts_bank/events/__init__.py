"""Events: sealed entries as the customers that they concern may see them."""
