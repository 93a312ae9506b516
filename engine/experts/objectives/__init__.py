"""Training objectives. To add one, add a file with `Config` and `loss`.

`loss(denoiser, batch, config) -> (rows,)` is one number a row; the mean over an expert's rows is
what it minimises. The denoiser's mixture is set so that every row runs through its own expert.
"""
