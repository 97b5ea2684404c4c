"""What the rows of a store say, as tables: pandas and scipy, no picture."""
