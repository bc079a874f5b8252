"""Secrets are taken out, code is left alone."""

import base64
import json
import time
from pathlib import Path, PurePath

import pytest

from ml_intern.tracing.redaction import Redactor, secrets_in

KEY_BODY = "\n".join(["MIIEpAIBAAKCAQEA7bq3Zb4Xk1pQ9sV2hT5dY8cW0eR6uM3oL1iN7jF4gH2kA9x"] * 3)
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_BODY}\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
WORD = "Zk3vQ9xT1bLm7RwY4cHn"

SECRETS = [
    ("hf_" + "aB3" * 11, "[REDACTED:hf-token]"),
    ("token=hf_" + "aB3" * 11 + ".", "token=[REDACTED:hf-token]."),
    ("sk-proj-" + "a1-B2_" * 5, "[REDACTED:openai-key]"),
    ("xox" + "b-123456789012-abcdef", "[REDACTED:slack-token]"),
    ("xapp-1-A0123-456-abcdef", "[REDACTED:slack-token]"),
    (
        "https://hooks.slack.com/services/T000/B000/" + "x1" * 12,
        "https://hooks.slack.com/[REDACTED:slack-webhook]",
    ),
    ("ghp_" + "a1" * 18, "[REDACTED:github-token]"),
    ("github_pat_" + "a1_" * 10, "[REDACTED:github-token]"),
    ("glpat-" + "a1" * 10, "[REDACTED:gitlab-token]"),
    ("AKIA" + "ABCD" * 4, "[REDACTED:aws-key-id]"),
    ("AIza" + "a1" * 18, "[REDACTED:google-key]"),
    (JWT, "[REDACTED:jwt]"),
    ("Authorization: Bearer abc123def456ghi789", "Authorization: Bearer [REDACTED:bearer]"),
    ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic [REDACTED:authorization]"),
    ("https://ada:s3cr3t@host/x", "https://ada:[REDACTED:url-password]@host/x"),
    (f"a {PEM} b", "a [REDACTED:private-key] b"),
    (json.dumps(PEM), '"[REDACTED:private-key]"'),
    (PEM[:120] + "\n[... 9 characters left out ...]", "[REDACTED:private-key]"),
    ("... " + PEM[60:], "[REDACTED:private-key]"),
    ('.bearer_auth("Zk3vQ9xT1bLm7RwY4cHn")', '.bearer_auth("[REDACTED:credential]")'),
    (f'"Bearer %s" % "{WORD}"', '"Bearer %s" % "[REDACTED:bearer]"'),
    (f"'Bearer {{}}'.format('{WORD}')", "'Bearer {}'.format('[REDACTED:bearer]')"),
    (f"f\"Bearer {{'{WORD}'}}\"", "f\"Bearer {'[REDACTED:bearer]'}\""),
    (f'"?api_key=%s" % "{WORD}"', '"?api_key=%s" % "[REDACTED:key]"'),
    (f'jwt.encode({{"sub": {{"a": 1}}}}, "{WORD}")', '{"a": 1}}, "[REDACTED:secret]")'),
    ("https://h/w?q=Oslo&appid=" + "0c4f" * 8, "https://h/w?q=Oslo&appid=[REDACTED:key]"),
    ("https://h/w?key=" + "0c4f" * 8 + "&n=1", "https://h/w?key=[REDACTED:key]&n=1"),
    ("vault kv put a/b wandb=" + "0c4f" * 10 + " n=1", "wandb=[REDACTED:secret] n=1"),
    (f"API key - {WORD}", "API key - [REDACTED:key]"),
    (f"**API key** — `{WORD}`", "**API key** — `[REDACTED:key]`"),
    ("| user | password |\n|---|---|\n| a | Kestrel9dLq |", "| a | [REDACTED:password] |"),
    (" user | password \n------+------\n a | kestrel41 ", " a | [REDACTED:password] "),
    (json.dumps("| password |\n|:-:|\n| `Kestrel9dLq` |"), "| `[REDACTED:password]` |"),
    ("| DB password | hpJ#.qYwIuMvr |", "| DB password | [REDACTED:password] |"),
    ("$ wg genkey\n" + "Zk3vQ9xT1b/" * 3 + "mRwY4cHn12=\n$ ls", "genkey\n[REDACTED:key]\n$ ls"),
    ("create nas url=https://h user=ml pass=RxksSuXPEQFMdX", "pass=[REDACTED:password]"),
    ("dsn: user=etl password=RxksSuXPEQFMdX host=db", "password=[REDACTED:password] host=db"),
    (
        f"Cookie: csrftoken={WORD}; sessionid={WORD}",
        f"Cookie: csrftoken={WORD}; sessionid=[REDACTED:cookie]",
    ),
    (
        "Private-Lines: 3\n" + f"{'aB3/' * 16}\n+{'aB3' * 21}\n{'Zk3v' * 8}\nend",
        "Private-Lines: 3\n[REDACTED:private-key]\nend",
    ),
    ("root password for the box: Kestrel=9dLq", "root password for the box: [REDACTED:password]"),
    ("my wandb key is " + "0c4f" * 10 + " ok?", "my wandb key is [REDACTED:key] ok?"),
    ("unzip -P kestrel-41 data.zip", "unzip -P [REDACTED:password] data.zip"),
    (
        '{"kty": "oct", "k": "Zk3vQ9xT1bLm7RwY4cHn"}',
        '{"kty": "oct", "k": "[REDACTED:private-key]"}',
    ),
]

CODE = [
    'headers = {"Authorization": f"Bearer {token}"}',
    'headers={"Authorization": "Bearer $HF_TOKEN"}',
    "from huggingface_hub import hf_hub_download, hf_hub_url",
    "hf_model = AutoModel.from_pretrained(name)",
    "learning_rate = 5e-5  # task-specific-learning-rate",
    "https://huggingface.co/datasets/ada/digits/resolve/main/train.jsonl",
    "postgresql://user:{password}@localhost/db",
    "git@github.com:huggingface/transformers.git",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    'token = os.environ["HF_TOKEN"]',
    "The bearer of this letter reads a long sentence without numbers.",
    "desk-organizer-and-other-things",
    'create_engine("postgresql://user:pass@host/db", client_encoding="utf8")',
    "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D",
    'public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAft74UEzPb+fkyWSFBMwot0i8Gb5nMAzKwSb a@b"',
    "client = keyring.get_password('service', 'ada'); set_password(new_password)",
    "private_key = <<EOT",
    "1e-10, 0x1F, 12:30:59, key: value",
    "Cache restored from key: Linux-pip-" + "0c4f" * 16,
    "if key == TransformType.Grad:",
    'def acct(self, password):\n    """Send new account name."""',
    "def pair(self) -> Role | AccessKey:\n    @property",
    "keys: SessionSigningKeys, auth: UserAPIKeyAuth",
    "WHERE api_key = $3::text",
    "boto3.client(s3_secret_access_key=s3_secret_access_key)",
    'client.get_secret("database-main")',
    "password for user in line 12: see below",
    'shared_key = "train-shards-v3"',
    'TOKEN = "SOME_CONSTANT"',
    "check(\n    hashed_token=key_id\n)",
    '"Bearer %s" % os.environ["HF_TOKEN_2"]',
    "f\"Bearer {settings['hub']['token']}\"",
    'jwt.encode({"sub": "1"}, settings.secret, algorithm="HS256")',
    "https://store.steampowered.com/api/appdetails?appids=730&appid=440",
    "API key - see the wiki",
    "last_key - offsetMax2",
    "| option | password |\n|---|---|\n| a | required |\n| b | the one you chose |",
    "| token | count |\n|---|---|\n| ing | 312 |",
    "x=1 password=IncorrectPhrase done",
    "wg genkey | wg pubkey\n" + WORD,
    "vault kv put a/b region=us-east-1 host=db1.example.com ttl=24h file=@config.json",
]


@pytest.mark.parametrize(("text", "expected"), SECRETS, ids=[text[:14] for text, _ in SECRETS])
def test_credentials_are_known_by_their_shape(text: str, expected: str) -> None:
    shown = Redactor().text(text)
    assert expected in shown
    assert Redactor().text(shown) == shown


@pytest.mark.parametrize("text", CODE)
def test_code_stays_as_it_is(text: str) -> None:
    assert Redactor({"HF_TOKEN": "qwertz-98765"}).text(text) == text


def test_code_around_the_mark_of_a_key_stays_as_it_is() -> None:
    text = "if text.startswith('-----BEGIN PRIVATE KEY-----'): raise ValueError(text)"
    assert text == Redactor().text(text)


@pytest.mark.parametrize(
    "form",
    [
        "{value}",
        "before{value}after",
        "{json}",
        "{url}",
        "https://x/?t={url}&y",
    ],
)
def test_known_values_are_found_in_every_writing(form: str) -> None:
    value = 'pä"ss/w\\rd 42'
    url = "p%C3%A4%22ss%2Fw%5Crd%2042"
    text = form.format(value=value, json=json.dumps({"t": value}), url=url)
    shown = Redactor({"MY_PASSWORD": value}).text(text)
    assert "[REDACTED:my-password]" in shown
    assert "42" not in shown


@pytest.mark.parametrize("before", ["", "u:", "ab"])
def test_known_values_are_found_in_base64(before: str) -> None:
    value = "correct-horse-battery"
    coded = base64.b64encode((before + value).encode()).decode()
    shown = Redactor({"T": value}).text(f"data: {coded}")
    assert "[REDACTED:t]" in shown
    assert coded[4:24] not in shown


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hf_" + "aB3" * 11, "hf-token"),
        ('{"auths":{"x":{"auth":"dXNlcjpwYXNz"}}}', "docker-token"),
        (PEM, "private-key"),
    ],
)
def test_credentials_are_known_in_base64(text: str, kind: str) -> None:
    coded = base64.b64encode(text.encode()).decode()
    assert Redactor().text(f"x: {coded}") == f"x: [REDACTED:{kind}]"


def test_a_certificate_in_base64_stays() -> None:
    coded = base64.b64encode(PEM.replace("RSA PRIVATE KEY", "CERTIFICATE").encode()).decode()
    assert Redactor().text(f"client-certificate-data: {coded}").endswith(coded)


def test_the_longer_of_two_values_wins() -> None:
    shown = Redactor({"A": "secret", "B": "secret-and-more"}).text("secret-and-more secret")
    assert shown == "[REDACTED:b] [REDACTED:a]"


def test_short_values_are_left_in_ordinary_words() -> None:
    assert Redactor({"PIN": "train"}).text("train a model") == "train a model"


def test_values_are_found_in_every_corner_of_an_object() -> None:
    redactor = Redactor({"T": "s3cr3t-value"})
    given = {"s3cr3t-value": ["a s3cr3t-value", {"x": ("s3cr3t-value", 1, None)}], "n": 1.5}
    assert redactor.value(given) == {
        "[REDACTED:t]": ["a [REDACTED:t]", {"x": ["[REDACTED:t]", 1, None]}],
        "n": 1.5,
    }


def test_two_names_that_become_one_keep_both_values() -> None:
    redactor = Redactor({"T": "s3cr3t-1", "t": "s3cr3t-2"})
    assert redactor.value({"s3cr3t-1": 1, "s3cr3t-2": 2}) == {"[REDACTED:t]": 1, "[REDACTED:t]_": 2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/ada/state/w/train.py", "/workspace/train.py"),
        ("in /home/ada/state/w.", "in /workspace."),
        ('{"path":"/home/ada/state/w"}', '{"path":"/workspace"}'),
        ("/home/ada/state/w2/x", "/home/ada/state/w2/x"),
        ("/home/ada/state/w.bak", "/home/ada/state/w.bak"),
        ("/mnt/home/ada/state/w", "/mnt/home/ada/state/w"),
    ],
)
def test_a_folder_is_written_as_another(text: str, expected: str) -> None:
    redactor = Redactor().writing(PurePath("/home/ada/state/w"), "/workspace")
    assert expected == redactor.text(text)


@pytest.mark.parametrize("folder", ["/", "/home", "w", "."])
def test_folders_that_stand_in_too_many_texts_are_left(folder: str) -> None:
    text = "ls / /home w ."
    assert Redactor().writing(PurePath(folder), "/workspace").text(text) == text


def test_variables_are_secrets_by_their_names() -> None:
    environment = {
        "HF_TOKEN": "hf_something",
        "OPENAI_API_KEY": "a-long-value",
        "DB_PASSWORD": "correct horse",
        "AWS_SECRET_ACCESS_KEY": "x" * 40,
        "TOKENIZERS_PARALLELISM": "false-as-ever",
        "HF_TOKEN_PATH": "/home/ada/token",
        "MONKEY": "a-long-value",
        "PIN_KEY": "train",
    }
    assert list(secrets_in(environment)) == list(environment)[:4]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----" * 4_000,
        "-----END PRIVATE KEY-----\n" * 4_000,
        "a" * 200_000 + "://",
        "a://" * 50_000,
        "bearer " * 30_000,
        "authorization: " * 15_000,
        "hf_ sk- eyJ" * 20_000,
        *(
            words * (200_000 // len(words))
            for words in (
                *("token=", 'token="', "key ", "key,", "password: ", "password is ", "password='"),
                *("<password>", "--password ", "login a password ", "token:\n", "token_", "key-"),
                *("\\", '"', "token\\", "AKIAABCDEFGHIJKLMNOP ", "a://b:c", "://", "curl -u a:"),
                *("mysql -p", "wandb login ", "cookie: ", ":5432:", "basic abcdefgh", "username"),
                *("-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "[REDACTED:a]"),
                *("%41", "&amp;", "\\u0041", "\\\n", "│\n│", "\x1b[0m", 'abcdefgh" "abcd', "'\n'"),
                *(
                    '"Bearer %s" % "',
                    "Bearer {'",
                    "jwt.encode({",
                    "jwt.encode({}",
                    "vault write a=b ",
                ),
                *(
                    "?appid=",
                    "API key - ",
                    "| password |\n|--|\n",
                    "| password | a ",
                    "-----",
                    "|---",
                ),
                *("wg genkey\n", "secrets.token_ | tee ", 'password=%s" % ', "a=b password="),
                *("curl -b ", "cookies = {sess", "login a/", "jwt.encode(a,", " -u a -p"),
                *(
                    "hf_aaaaaaaa\n",
                    "LS0tLS1CRUdJ",
                    "Private-Lines: 1\n",
                    "[... 1 bytes left out ...]",
                ),
            )
        ),
    ],
    ids=lambda text: text[:24],
)
def test_no_text_takes_much_longer_than_its_length(text: str) -> None:
    began = time.process_time()
    Redactor({"T": "s3cr3t-value"}).text(text)
    assert time.process_time() - began < 2


def test_what_is_allowed_is_never_replaced() -> None:
    redactor = Redactor(allowed=["AKIAABCDEFGHIJKLMNOP", "hunter2"])
    text = 'AKIAABCDEFGHIJKLMNOP, {"password": "hunter2"}'
    assert redactor.text(text) == text
    assert redactor.value({"password": "hunter2"}) == {"password": "hunter2"}


def test_a_value_that_we_hold_is_replaced_although_it_is_allowed() -> None:
    redactor = Redactor({"T": "s3cr3t-value"}, allowed=["s3cr3t-value"])
    assert redactor.text("s3cr3t-value") == "[REDACTED:t]"


def test_the_name_of_a_field_tells_that_its_value_is_a_secret() -> None:
    given = {
        "password": "hunter2",
        "env": [{"name": "DB_PASSWORD", "value": "hunter3"}],
        "keys": {"api_key": ["abcd-efgh"]},
        "pad_token": "<pad>",
        "token": "Paris",
    }
    assert Redactor().value(given) == given | {
        "password": "[REDACTED:password]",
        "env": [{"name": "DB_PASSWORD", "value": "[REDACTED:password]"}],
        "keys": {"api_key": ["[REDACTED:key]"]},
    }


def test_a_megabyte_takes_a_moment() -> None:
    """0.08 s of a processor; the bound leaves room for slow machines."""
    code = "".join(path.read_text() for path in sorted(Path("ml_intern").rglob("*.py")))
    code = (code * (1_000_000 // len(code) + 1))[:1_000_000]
    began = time.process_time()
    Redactor({"T": "s3cr3t-value"}).text(code)
    assert time.process_time() - began < 1
