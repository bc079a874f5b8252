"""A secret of each kind, in the writing in which such a thing is met. All of them are made up.

They are made by a seeded generator, so that no scanner of repositories takes one for real.
"""

import random
import string
from dataclasses import dataclass

ALNUM = string.ascii_letters + string.digits
BASE64 = ALNUM + "+/"


@dataclass(frozen=True)
class Seed:
    kind: str
    value: str
    """What must be seen nowhere."""
    text: str
    """As it stands somewhere; one line, or PEM."""


def seeds(place: str) -> list[Seed]:
    """Others for each place, so that a leak tells where it came from."""
    dice = random.Random(place)

    def chars(count: int, alphabet: str = ALNUM) -> str:
        return "".join(dice.choices(alphabet, k=count))

    def seed(kind: str, value: str, text: str = "{}") -> Seed:
        return Seed(kind, value, text.replace("{}", value))

    body = "\n".join(chars(64, BASE64) for _ in range(4))
    pem = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"
    aws_secret = chars(40, BASE64)
    return [
        seed("hf", "hf_" + chars(34, string.ascii_letters)),
        seed("openai", "sk-proj-" + chars(48), "export OPENAI_API_KEY={}"),
        seed("anthropic", "sk-ant-api03-" + chars(80), "ANTHROPIC_API_KEY='{}'"),
        seed("github", "ghp_" + chars(36), "https://{}@github.com/ada/x.git"),
        seed("gitlab", "glpat-" + chars(20), "PRIVATE-TOKEN: {}"),
        seed("slack", "xoxb-" + chars(12, string.digits) + "-" + chars(24)),
        seed("aws-id", "AKIA" + chars(16, string.ascii_uppercase + "234567")),
        seed("aws-secret", aws_secret, "aws_secret_access_key = {}"),
        seed("google", "AIza" + chars(35), "https://maps.googleapis.com/x?key={}&q=1"),
        seed("database", chars(14), "postgresql://ada:{}@db.example.org:5432/app"),
        seed("bearer", chars(40), "Authorization: Bearer {}"),
        seed("password", "hunter-" + chars(6), '{"user": "ada", "password": "{}"}'),
        seed("named", chars(24, string.ascii_lowercase), "client_secret: {}"),
        Seed("pem", body.split("\n")[1], pem),
    ]
