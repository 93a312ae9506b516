"""Merge methods. To add one, add a file with `Config`, `merge` and, if it is linear, `coefficients`.

`merge(experts, weights, config) -> Expert` takes each expert's factors and weight by name and returns the
factors of one LoRA. Methods act on the deltas scale * B @ A, never on A and B apart: a mean of A's times a
mean of B's holds products of different experts. `coefficients(weights, config)` are the weights that show the
same thing live, in a mixture of the experts.
"""
