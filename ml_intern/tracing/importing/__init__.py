"""Sessions of other programs as traces of ours, so that all that reads ours reads them."""
