"""Session files on their way to a private dataset on the Hugging Face Hub, and back.

`spool` says what there is to send and how much of it, `card` what stands in the repository's
README, `ledger` what is known to be there, and `uploader` joins them. How one speaks to the Hub:
`ml_intern/hub`.
"""
