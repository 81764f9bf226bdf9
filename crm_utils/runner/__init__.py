"""The runner: plans a run and executes its notebooks. Alone knows papermill."""
