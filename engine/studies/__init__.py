"""Questions asked of finished stages: grids, better weights, which expert a merge needs,
replicates.
"""
