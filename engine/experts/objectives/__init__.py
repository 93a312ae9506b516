"""Training objectives. To add one, add a file with `NEEDS`, `Config` and `loss`.

`NEEDS` names the source of its batches, a file of engine/experts/sources; `Config` inherits that
source's options. `loss(model, batch, config) -> (rows,)` is one number per row of the batch; an
expert minimises the mean over its own rows. `model` (engine.experts.predictions.Predictions) says
what the base predicts by `POLICY`, the expert that a row belongs to, by `BASE`, without any, or by
an expert of another name: all of it in one forward pass.
"""
