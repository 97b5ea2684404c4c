"""Run the benchmark: plan, jobs, execution, clock, store."""
