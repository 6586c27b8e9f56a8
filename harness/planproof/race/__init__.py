"""How concurrency is proved: workloads, recorded histories, a linearizability checker, controlled schedules."""
