"""Credentials that are known by their shape, wherever they stand. Pure.

Each shape has a hint: a search for it is what most texts cost. The expressions begin with plain
letters, which `re` finds fast, and look behind only then; their repetitions are bounded, or end
where the next match could begin, so that no text takes quadratic time.
"""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ml_intern.tracing.redaction import templates, values
from ml_intern.tracing.redaction.span import Span


@dataclass(frozen=True)
class Shape:
    """How credentials of one kind look."""

    kind: str
    hint: str
    """Must occur, in lower case, in the lower-cased text."""
    pattern: re.Pattern[str]
    """What its group `secret` holds is replaced, or all of it where there is no such group."""
    is_one: Callable[[str], bool]
    """Asked of what would be replaced."""
    follows: bool = False
    """The pattern is of what follows the hint, in whatever case that is written."""

    def spans(self, text: str, lowered: str) -> Iterator[Span]:
        """Where such credentials stand. `lowered`: the same text in lower case."""
        group = "secret" if "secret" in self.pattern.groupindex else 0
        for found in self._matches(text, lowered):
            if self.is_one(found[group]):
                yield Span(*found.span(group), self.kind)

    def _matches(self, text: str, lowered: str) -> Iterator[re.Match[str]]:
        if not self.follows:
            yield from self.pattern.finditer(text)
            return
        at = lowered.find(self.hint)
        while at >= 0:
            at += len(self.hint)
            if found := self.pattern.match(text, at):
                yield found
                at = found.end()
            at = lowered.find(self.hint, at)


def spans(text: str, lowered: str) -> Iterator[Span]:
    """Where credentials of any kind stand."""
    for hint, shapes in _BY_HINT.items():
        if hint in lowered:
            for shape in shapes:
                if shape.hint in lowered:
                    yield from shape.spans(text, lowered)
    if "vault" in lowered:
        yield from _stored(text)
    if "akia" in lowered or "asia" in lowered:
        yield from _aws_secrets(text)
    for found in _AWS_QUOTED.finditer(text):
        if values.looks_random(found[1]) and not found[1].isalnum():
            yield Span(*found.span(1), "aws-secret-key")


def _is_real(value: str) -> bool:
    return not values.is_placeholder(value)


def _has_digit(value: str) -> bool:
    return _is_real(value) and any(char.isdigit() for char in value)


def _is_made(value: str) -> bool:
    """By a machine."""
    return _is_real(value) and (_has_digit(value) or values.looks_random(value))


def _is_password(value: str) -> bool:
    """And no port, file or name, which options of one letter may also be given."""
    is_other = re.fullmatch(r"[\d.:/-]+(?:/\w{3})?|[\w./-]+\.\w{1,4}|[A-Za-z_]\w*:\w+", value)
    return _has_digit(value) and is_other is None


def _is_told_password(value: str) -> bool:
    """In a sentence, where a version or a path is as likely."""
    return _is_password(value) and (
        values.looks_random(value, 8) or values.looks_like_password(value)
    )


def _behind(kind: str, hint: str, pattern: str, is_one: Callable[[str], bool] = _is_real) -> Shape:
    """What stands behind a word, in whatever case that is written."""
    return Shape(kind, hint, re.compile(pattern), is_one, follows=True)


def _shape(kind: str, hint: str, pattern: str, is_one: Callable[[str], bool] = _is_real) -> Shape:
    return Shape(kind, hint, re.compile(pattern), is_one)


def _token(kind: str, begins: str, body: str, is_one: Callable[[str], bool] = _is_real) -> Shape:
    """A token that begins so, at the beginning of a word: also right behind an escape such as
    `\\n`, `%3D`, a colour of a terminal, or the letter of an option.
    """
    start = re.escape(begins)
    looks_behind = "|".join(
        (
            rf"(?<![A-Za-z0-9]{start})",
            rf"(?<=\\[nrtbf]{start})",
            rf"(?<=%[0-9A-Fa-f][0-9A-Fa-f]{start})",
            rf"(?<=\\u[0-9a-fA-F]{{4}}{start})",
            rf"(?<=[0-9\[]m{start})",
            rf"(?<=[\s\"'\[]-[A-Za-z]{start})",
        )
    )
    pattern = re.compile(rf"{start}(?:{looks_behind}){body}")
    return Shape(kind, begins.lower(), pattern, is_one)


def _in_base64(kind: str, begins: str, holds: str = "") -> Shape:
    """What begins so when it is encoded; `holds`: what must stand in it."""

    def is_one(value: str) -> bool:
        whole = value[: len(value) // 4 * 4]
        return holds.encode() in base64.b64decode(whole)

    start = base64.b64encode(begins.encode()).decode()
    return _token(kind, start, r"[A-Za-z0-9+/]{20,}={0,2}", is_one)


def _torn(kind: str, begins: str, length: int) -> Shape:
    """A token of a known length that is broken over two lines by what wraps them."""

    def is_whole(value: str) -> bool:
        return len("".join(value.split())) == length

    pattern = (
        rf"{begins}(?<![A-Za-z0-9]{begins})[A-Za-z0-9_-]{{6,{length}}}"
        rf"[ \t]{{0,4}}\r?\n[ \t]{{0,40}}[A-Za-z0-9_-]{{1,{length}}}(?![A-Za-z0-9_-])"
    )
    return _shape(kind, begins.lower(), pattern, is_whole)


def _pair_of_login(hint: str, called: str) -> Shape:
    """The second argument of a call that takes a user and a password."""
    quote = templates.QUOTE
    first = rf"{called}\(\s{{0,8}}{quote}[^'\"\n\\]{{1,100}}{quote},\s{{0,8}}{quote}"
    return _shape("password", hint, first + r"(?P<secret>[^'\"&\n\\]{3,200})")


_FILLED = (
    rf"(?:{templates.FILLED}{templates.QUOTE}|\{{\s{{0,4}}{templates.QUOTE})"
    r"(?P<secret>[^\s'\"&\\{}]{8,4096})"
)
"""A template and the literal that fills it, behind it or within."""


def _in_query(name: str) -> Iterator[Shape]:
    """What an address gives as `name` to be let in, and looks random."""

    def is_one(value: str) -> bool:
        is_uuid = values.is_digest(value) and "-" in value
        return _is_real(value) and values.looks_random(value) and not is_uuid

    for sign in "?&":
        yield _behind("key", f"{sign}{name}=", r"(?P<secret>[A-Za-z0-9_-]{16,200})", is_one)


def _made_by(command: str) -> Shape:
    """The one word on the line below a command that makes a key; a pipe may make another of it."""
    way = r"[^\n|>\\]{0,60}(?:\|\s?tee\s[^\n|\\]{1,60})?(?:\r?\n|\\{1,15}n)[ \t+>]{0,10}"
    word = r"(?P<secret>[A-Za-z0-9+/_-]{16,200}={0,2})(?=[ \t]*(?:\r?\n|$|\\{1,15}[nr\"']|[\"']))"
    return _behind("key", command, way + word, values.looks_random)


def _cookie(hint: str, pattern: str) -> Shape:
    """The value of one that names a session or a login; `pattern`: what is between."""
    name = r"(?i:sess\w{0,10}|sid|auth\w{0,10}|(?<!csrf)(?<!csrf[_-])(?<!xsrf[_-])token|jwt)"
    way = r"\\{0,7}['\"]?\s{0,4}[=:]\s{0,4}\\{0,7}['\"]?"
    value = r"(?P<secret>[^;\s\"'\\]{8,2000})"
    return _behind("cookie", hint, rf"{pattern}{name}{way}{value}", _is_made)


_COMMANDS = (
    *(("zip", "-P"), ("mosquitto_", "-P"), ("ipmitool", "-P"), ("sqlcmd", "-P"), ("bcp", "-P")),
    *(("ldapsearch", "-w"), ("ldapmodify", "-w"), ("mongosh", "-p"), ("mongodump", "-p")),
)
"""And the option of each that takes a password."""


def _password_of(command: str, option: str) -> Shape:
    pattern = rf"{command}\w{{0,10}}\b[^\n|;&]{{0,200}}?\s{option}\s{{1,4}}"
    return _shape("password", command, pattern + r"['\"]?(?P<secret>[^\s'\"$-][^\s'\"]{3,100})")


SHAPES = (
    # The hubs and models of the field.
    _token("hf-token", "hf_", r"[A-Za-z0-9]{16,}"),
    _token("hf-token", "api_org_", r"[A-Za-z0-9]{16,}"),
    _token("anthropic-key", "sk-ant-", r"[A-Za-z0-9_-]{16,}"),
    _token("openai-key", "sk-", r"(?!ant-)[A-Za-z0-9_-]{16,}", _has_digit),
    _token("openai-key", "sess-", r"[A-Za-z0-9]{36,}"),
    _token("model-key", "gsk_", r"[A-Za-z0-9]{20,}"),
    _token("model-key", "xai-", r"[A-Za-z0-9]{20,}"),
    _token("model-key", "pplx-", r"[A-Za-z0-9]{20,}"),
    _token("model-key", "nvapi-", r"[A-Za-z0-9_-]{20,}"),
    _token("model-key", "r8_", r"[A-Za-z0-9]{20,}"),
    _token("model-key", "tvly-", r"[A-Za-z0-9_-]{16,}"),
    _token("model-key", "pcsk_", r"[A-Za-z0-9_]{20,}"),
    _token("model-key", "rpa_", r"[A-Z0-9]{20,}"),
    _token("model-key", "lsv2_", r"[A-Za-z0-9_]{20,}"),
    _token("model-key", "fw_", r"[A-Za-z0-9]{20,}"),
    _token("model-key", "wandb_v1_", r"[A-Za-z0-9_]{20,}"),
    _token("model-key", "KGAT_", r"[A-Za-z0-9]{20,}"),
    _shape(
        "model-key",
        "wandb",
        r"wandb(?:\.login\([^)\n]{0,60}?key\s{0,4}=\s{0,4}\\{0,7}['\"]|\s{1,4}login\s{1,4}(?:--\w{1,20}\s{1,4}){0,3})"
        r"(?P<secret>[^\s\"'`$\\-][^\s\"'`\\)]{7,})",
        _has_digit,
    ),
    _shape(
        "key",
        "username",
        r"username\\{0,31}[\"']\s{0,4}:\s{0,4}\\{0,31}[\"'][^\"'\n]{1,60}[\"']\s{0,4},\s{0,4}\\{0,31}[\"']"
        r"key\\{0,31}[\"']\s{0,4}:\s{0,4}\\{0,31}[\"'](?P<secret>[^\"'\n\\]{6,100})",
    ),
    # Code and its registries.
    _token("github-token", "gh", r"[pousr]_[A-Za-z0-9]{20,}"),
    _token("github-token", "github_pat_", r"[A-Za-z0-9_]{20,}"),
    _token(
        "gitlab-token",
        "gl",
        r"(?:pat|dt|rt|ft|soat|cbt|ptt|imt|agent|oas|ffct|wt)-[A-Za-z0-9_.-]{16,}",
    ),
    _token("gitlab-token", "GR1348941", r"[A-Za-z0-9_-]{16,}"),
    _token("npm-token", "npm_", r"[A-Za-z0-9]{30,}"),
    _token("pypi-token", "pypi-", r"[A-Za-z0-9_-]{50,}"),
    _token("docker-token", "dckr_", r"[po]at_[A-Za-z0-9_-]{20,}"),
    # Messages.
    _token("slack-token", "xox", r"[a-z](?:\.xox[a-z])?-[A-Za-z0-9%-]{8,}"),
    _token("slack-token", "xapp-", r"[A-Za-z0-9-]{8,}"),
    _shape(
        "slack-webhook",
        "hooks.slack",
        r"hooks\.slack\.com\\?/(?P<secret>\w+\\?/[A-Za-z0-9/\\]{16,})",
    ),
    _shape("discord-webhook", "/webhooks/", r"/api/webhooks/\d{8,20}/(?P<secret>[\w-]{20,})"),
    _shape("telegram-token", ":aa", r"(?<!\d)\d{8,10}:AA[\w-]{30,}"),
    # Clouds and services.
    _token("aws-key-id", "AKIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _token("aws-key-id", "ASIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _token("google-key", "AIza", r"[A-Za-z0-9_-]{30,}"),
    _token("google-key", "GOCSPX-", r"[A-Za-z0-9_-]{20,}"),
    _token("google-token", "ya29.", r"[A-Za-z0-9_-]{16,}"),
    _shape("google-token", "1//0", r"(?<![\w/])1//0[A-Za-z0-9_-]{24,}"),
    _behind("azure-key", "accountkey", r"=(?P<secret>[A-Za-z0-9+/=]{40,})"),
    _behind("azure-key", "sharedaccesskey", r"=(?P<secret>[A-Za-z0-9+/=]{20,})"),
    _shape("azure-signature", "sig=", r"[?&]sig=(?P<secret>[A-Za-z0-9%+/=_-]{20,})"),
    _shape(
        "aws-signature",
        "x-amz-",
        r"X-Amz-(?:Signature|Security-Token|Credential)=(?P<secret>[\w%+/=.-]{16,})",
    ),
    _token("stripe-key", "sk_", r"(?:live|test)_[A-Za-z0-9]{16,}"),
    _token("stripe-key", "rk_live_", r"[A-Za-z0-9]{16,}"),
    _token("stripe-key", "whsec_", r"[A-Za-z0-9+/=]{16,}"),
    _shape("sendgrid-key", "sg.", r"\bSG\.[\w-]{16,}\.[\w-]{16,}"),
    _token("vault-token", "hvs.", r"[A-Za-z0-9_-]{20,}"),
    _token("digitalocean-token", "dop_v1_", r"[a-f0-9]{40,}"),
    _token("databricks-token", "dapi", r"[a-f0-9]{32}(?:-\d)?"),
    _token("grafana-token", "glsa_", r"[A-Za-z0-9_]{20,}"),
    _token("shopify-token", "shpat_", r"[a-fA-F0-9]{32}"),
    _token("linear-key", "lin_api_", r"[A-Za-z0-9]{20,}"),
    _token("notion-token", "ntn_", r"[A-Za-z0-9]{30,}"),
    _token("sentry-token", "sntrys_", r"[A-Za-z0-9+/=_]{20,}"),
    _token("age-key", "AGE-SECRET-KEY-1", r"[A-Z0-9]{40,}"),
    _torn("hf-token", "hf_", 37),
    _torn("anthropic-key", "sk-ant-", 108),
    _torn("github-token", "ghp_", 40),
    _torn("github-token", "github_pat_", 93),
    _torn("gitlab-token", "glpat-", 26),
    _torn("google-key", "AIza", 39),
    _torn("aws-key-id", "AKIA", 20),
    _in_base64("hf-token", "hf_"),
    _in_base64("github-token", "github_pa"),
    _in_base64("private-key", "-----BEGI", "PRIVATE KEY"),
    _in_base64("docker-token", '{"auths":'),
    _behind("telegram-token", "api.telegram.org/bot", r"(?P<secret>\d{6,12}:[\w.-]{20,})"),
    _shape("sentry-key", "sentry", r"//(?P<secret>[0-9a-f]{32})@"),
    _behind("url-signature", "signature=", r"(?P<secret>[A-Za-z0-9%+/=_~-]{20,})"),
    _shape(
        "private-key",
        "kty",
        r"[\"'](?:d|p|q|dp|dq|qi|k)\\{0,31}[\"']\s{0,4}:\s{0,4}\\{0,31}[\"'](?P<secret>[A-Za-z0-9_-]{20,})",
        values.looks_random,
    ),
    # What requests carry.
    _behind("bearer", "bearer -a", r"\s{1,4}['\"]?(?P<secret>[^\s'\"]{8,})", _is_made),
    _behind(
        "authorization",
        "authorization: digest",
        r"[^\n]{0,400}?\bresponse=\\{0,7}\"(?P<secret>[0-9a-f]{32,64})",
    ),
    _token("jwt", "eyJ", r"[\w-]{8,}\.(?:eyJ)?[\w-]{8,}(?:\.[\w-]*)?"),
    _behind(
        "bearer",
        "bearer",
        r"(?:[\s:+]|\\ ){1,8}(?P<secret>[A-Za-z0-9._~+/=-]{8,})",
        _is_made,
    ),
    _behind("bearer", "bearer", rf"[ ]{_FILLED}", _is_made),
    _behind("bearer", "bearer%20", r"(?P<secret>[A-Za-z0-9._~+/=-]{8,})", _is_made),
    _behind(
        "authorization",
        "basic",
        r"\s{1,8}(?P<secret>[A-Za-z0-9+/]{8,}={0,2})",
        values.is_login,
    ),
    _pair_of_login("auth", r"auth(?:=|\s{1,4}=)\s{0,4}"),
    _behind(
        "authorization",
        "authorization",
        r"\\{0,3}[\"']?\s{0,8}[:=]\s{0,8}\\{0,3}[\"']?(?i:basic|token|api-?key|key)\s{1,8}"
        r"(?P<secret>[A-Za-z0-9._~+/=-]{8,})",
    ),
    _behind(
        "authorization",
        "authorization",
        rf"\\{{0,3}}[\"']?\s{{0,8}}[:=]\s{{0,8}}\\{{0,3}}[rfRF]?[\"']?(?i:basic|token|api-?key|key)\s{_FILLED}",
        _is_made,
    ),
    # What commands are given.
    _shape(
        "password",
        "mysql",
        r"mysql\w{0,10}\b[^\n|;&]{0,200}?\s-p\\{0,7}['\"]?(?P<secret>[^\s'\"\\-][^\s'\"\\]{3,100})",
    ),
    *(_password_of(command, option) for command, option in _COMMANDS),
    _shape("password", "sshpass", r"sshpass\s{1,4}-p\s{0,4}['\"]?(?P<secret>[^\s'\"]{3,100})"),
    _shape(
        "password",
        "docker login",
        r"docker login\b[^\n|;&]{0,200}?\s-p[\s=]{1,4}['\"]?(?P<secret>[^\s'\"]{3,100})",
    ),
    _shape(
        "password",
        "redis-cli",
        r"redis-cli\b[^\n|;&]{0,200}?\s-a\s{1,4}['\"]?(?P<secret>[^\s'\"]{3,100})",
    ),
    _shape(
        "password",
        "curl",
        r"curl\b[^\n]{0,300}?\s(?:-u|--user)[\s=]{0,4}['\"]?[^\s:'\"$]{1,80}:(?P<secret>[^\s'\"]{3,100})",
    ),
    _shape(
        "password",
        "sudo -s",
        r"echo\s{1,4}['\"]?(?P<secret>[^\s'\"|$]{4,200})['\"]?\s{0,4}\|\s{0,4}sudo -S",
    ),
    _shape(
        "password",
        "-stdin",
        r"echo\s{1,4}(?:-n\s{1,4})?['\"]?(?P<secret>[^\s'\"|$]{4,200})['\"]?\s{0,4}\|"
        r"[^\n|]{1,200}-stdin",
    ),
    _shape("password", "pass:", r"-pass(?:in|out)?\s{1,4}pass:(?P<secret>[^\s'\"$]{3,200})"),
    _shape(
        "password",
        "smbclient",
        r"smbclient\b[^\n]{0,200}?-U\s{0,4}['\"]?[^\s%'\"]{1,60}%(?P<secret>[^\s'\"]{3,100})",
    ),
    _shape(
        "secret",
        "jwt.",
        r"\bjwt\.(?:encode|decode|sign|verify)\(\s{0,8}"
        r"(?:[^(){}\n\"']{1,100}|\{(?:[^{}]|\{[^{}]{0,200}\}){0,400}\}|dict\([^()]{0,400}\)),"
        r"\s{0,8}(?:key=)?b?\\{0,7}[\"'](?P<secret>[^\"'\n\\]{6,200})",
    ),
    _shape(
        "secret", "hmac.", r"\bhmac\.(?:new|digest)\(b?\\{0,7}[\"'](?P<secret>[^\"'\n\\]{6,200})"
    ),
    *(shape for name in ("appid", "app_id", "key") for shape in _in_query(name)),
    *map(_made_by, ("wg genkey", "wg genpsk", "openssl rand", "secrets.token_")),
    _pair_of_login(".login(", r"\.login"),
    _pair_of_login("basicauth(", r"BasicAuth"),
    _pair_of_login("digestauth(", r"DigestAuth"),
    _pair_of_login("basic_auth(", r"basic_auth"),
    _shape(
        "password",
        ":5432:",
        r"(?<![\w./@-])[\w.*-]{1,100}:5432:[\w*-]{1,60}:[\w.@*-]{1,60}:(?P<secret>[^\s\"'`,)\\]{3,200})",
    ),
    _cookie("cookie:", r"\s{0,4}[^\n]{0,100}?"),
    _cookie("--cookie", r"[\s=][^\n]{0,100}?"),
    _cookie(" -b", r"[\s\"'][^\n]{0,60}?"),
    _cookie("cookies", r"\s{0,4}=\s{0,4}[{(][^\n{}()]{0,100}?"),
    _shape(
        "password",
        " -p",
        r"\s-u[\s=]{1,2}['\"]?[^\s'\"-][^\s'\"]{0,80}['\"]?\s{1,4}-p[\s=]{1,2}['\"]?(?P<secret>[^\s'\"$]{6,100})",
        _is_password,
    ),
    _shape(
        "password",
        "http-basic.",
        r"http-basic\.\S{1,60}\s{1,4}[^\s'\"]{1,80}\s{1,4}['\"]?(?P<secret>[^\s'\"$]{4,100})",
    ),
    _shape(
        "password",
        "chpasswd",
        r"['\"\s][\w.-]{1,60}:(?P<secret>[^\s:'\"$][^\s'\"]{3,100})['\"]?\s{0,4}\|\s{0,4}(?:sudo\s{1,4})?chpasswd",
    ),
    *(
        _behind(
            "password",
            word,
            r"\b[\w :=`'\"@.-]{1,80}?\s{0,2}/\s{0,2}[`'\"]?(?P<secret>[^\s`'\"/]{8,100})",
            _is_told_password,
        )
        for word in ("login", "log in", "credentials", "creds")
    ),
    _behind("password", "ssh-keygen", r"[^\n]{0,200}?\s-N\s{1,4}['\"](?P<secret>[^\s'\"]{4,100})"),
    _behind(
        "password", "openssl", r"\s[^\n|]{0,200}?\s-k\s{1,4}['\"]?(?P<secret>[^\s'\"$]{4,100})"
    ),
    _behind(
        "password",
        "htpasswd",
        r"\s{1,4}-\w{0,4}b\w{0,4}\s{1,4}\S{1,100}\s{1,4}\S{1,60}\s{1,4}['\"]?(?P<secret>[^\s'\"$]{4,100})",
    ),
    _behind(
        "password",
        "/user:",
        r"(?<=\s/user:)\S{1,60}\s{1,4}['\"]?(?P<secret>[^\s'\"/$][^\s'\"]{5,100})",
    ),
    _behind("secret", "fernet(", r"b?\\{0,7}[\"'](?P<secret>[A-Za-z0-9_+/-]{40,}={0,2})"),
    _shape("url-password", "@tcp(", r"[\w.-]{1,60}:(?P<secret>[^\s\"'@]{1,200})@tcp\("),
    _shape(
        "url-password", "oracle:", r"oracle:\w{2,8}:[\w.-]{1,60}/(?P<secret>[^\s\"'@/]{1,200})@"
    ),
    _behind(
        "password",
        "identified by",
        r"\s{1,4}['\"](?P<secret>[^'\"\n]{3,100})",
    ),
)


def _by_hint() -> dict[str, list[Shape]]:
    """Each under the shortest hint within its own: where that is missing, so is its own."""
    hints = {shape.hint for shape in SHAPES}
    groups: dict[str, list[Shape]] = {}
    for shape in SHAPES:
        shortest = min((hint for hint in hints if hint in shape.hint), key=len)
        groups.setdefault(shortest, []).append(shape)
    return groups


_BY_HINT = _by_hint()

_STORING = re.compile(r"\bvault[ ](?:kv[ ](?:put|patch)|write)[ ][^\n|;&]{1,2000}")
_STORED = re.compile(r"\s['\"]?[\w.-]{1,60}=['\"]?(?P<secret>[^\s'\"$@][^\s'\"]{7,200})")


def _stored(text: str) -> Iterator[Span]:
    """Whatever the names under which a command puts it where secrets are kept."""
    for command in _STORING.finditer(text):
        for pair in _STORED.finditer(text, *command.span()):
            if _is_told_password(pair["secret"]):
                yield Span(*pair.span("secret"), "secret")


_AWS_ID = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{16}")
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_AWS_QUOTED = re.compile(r"[\"'`]([A-Za-z0-9/+]{40})[\"'`]")
"""Alone it is known by a `/` or `+` among letters, as no checksum has them."""
_AWS_NEAR = 300


def _aws_secrets(text: str) -> Iterator[Span]:
    """The other half, near its first: it has no shape of its own but its length."""
    seen = 0
    for found in _AWS_ID.finditer(text):
        start = max(seen, found.start() - _AWS_NEAR)
        seen = found.end() + _AWS_NEAR
        for half in _AWS_SECRET.finditer(text, start, seen):
            if values.looks_random(half.group()):
                yield Span(*half.span(), "aws-secret-key")
