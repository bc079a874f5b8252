"""Templates that a literal fills: `"Bearer %s" % "…"`, `"key={}".format("…")`. Pure."""

QUOTE = r"\\{0,31}(?:['\"]|&(?:quot|#x27|#39);)"
"""Also in JSON in JSON, and in HTML."""
FILLED = (
    rf"(?:%s|\{{\w{{0,20}}\}}){QUOTE}\s{{0,4}}(?:%|\.format\()"
    r"\s{0,4}\(?\s{0,4}(?:\w{1,20}=)?"
)
"""From the spot of a template to the quote of what fills it."""
