"""People choose between two pictures without knowing who painted them.

`ballots` says which pair comes next and which side is which, `ledger` keeps what was chosen,
`statistics` counts.
"""
