"""Run the benchmark: commands become jobs, engines share them out, times are taken apart."""
