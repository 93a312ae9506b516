"""Merge methods. To add one, add a file with `Config`, `prepare` and, if it is linear,
`coefficients`.

`prepare(experts, config)` computes what does not depend on the weights, once, and returns a
function from each expert's weight by name to the merged LoRA. Methods act on the deltas scale * B @
A, never on A and B apart: a mean of A's times a mean of B's holds products of different experts.
`coefficients(weights, config)` are the weights that show the same thing live, in a mixture of the
experts.
"""
