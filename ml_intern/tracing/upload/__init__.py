"""Session files on their way to a private dataset on the Hugging Face Hub, and back.

`spool` says what there is to send and how much of it, `card` what stands in the repository's
README, `ledger` what is known to be there, and `uploader` joins them. `client` speaks to the Hub in
a process of its own, which `away` starts and, if need be, ends.
"""
