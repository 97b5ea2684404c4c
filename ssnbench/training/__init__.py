"""Train on the data sets of the benchmark, and judge as the benchmark does."""
