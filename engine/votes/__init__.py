"""People choose between two pictures without knowing who painted them.

`pairs` says what there is to choose between, `similarity` which of it a person can tell apart,
`ballots` which pair comes next and which side is which. `ledger` keeps what was chosen,
`statistics` counts. `voters` and `admission` say who votes.
"""
