"""The figures and Table 1 of the SSN paper, made again: recipes, and what runs them."""
