"""Run the benchmark: what is asked for becomes jobs, engines share them out, times are taken apart."""
