"""Ways into an environment: shells, hooks, scripts that are sourced, kernels."""
