"""The Hugging Face Hub through its own client, for what changes it and for what is large.

`client` speaks to the Hub in a process of its own, which `away` starts and, if need be, ends;
`protocol` is what can be asked. What is only read goes through `ml_intern/web`.
"""
