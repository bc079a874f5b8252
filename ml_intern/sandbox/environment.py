"""The environment of confined commands: a short list of our own variables, and a home of their own.

What is not on the list does not pass, and what looks like a secret does not pass even then. Caches,
temporary files and settings of libraries end below the given home. Only the caller's `extra` is
passed as it is.
"""

import getpass
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

_SYSTEM = ("PATH", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH")
_PYTHON = ("PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONUTF8")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_GPUS = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_HOME")
_MORE_GPUS = ("ROCR_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUBLAS_WORKSPACE_CONFIG")
_TORCH = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF", "TOKENIZERS_PARALLELISM")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_HUB = ("HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_XET")
_OFFLINE = ("HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
_GROUPS = (_SYSTEM, _PYTHON, _THREADS, _GPUS, _MORE_GPUS, _TORCH, _CERTIFICATES, _PROXIES)
_ALLOWED = frozenset(name for group in (*_GROUPS, _HUB, _OFFLINE) for name in group)
_ALLOWED_PREFIXES = ("LC_", "NCCL_")
_SECRET_NAME = re.compile(
    r"(^|_)(TOKEN|API_?KEY|KEY|SECRET|PASSWORD|PASSWD|CREDENTIAL)S?(_|$)", re.IGNORECASE
)
_SECRET_VALUE = re.compile(r"://[^/\s]*@")  # a URL with a password in it
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
# multiprocessing puts sockets of up to 40 characters below TMPDIR; the kernel takes 107 in all.
_LONGEST_TEMPORARY = 64


def scrubbed_environment(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """All that a confined command finds in its environment; makes the folders named in it."""
    temporary = home / "tmp"
    cache = home / ".cache"
    for folder in (temporary, cache):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": _DEFAULT_PATH,
        "LANG": "C.UTF-8",
        **{name: value for name, value in os.environ.items() if _may_pass(name, value)},
        "HOME": str(home),
        "TMPDIR": str(_short_name(temporary)),
        "XDG_CACHE_HOME": str(cache),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "HF_HOME": str(cache / "huggingface"),
        "MPLCONFIGDIR": str(cache / "matplotlib"),
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "torchinductor"),
        "USER": _user(),
        "LOGNAME": _user(),
        "PYTHONUNBUFFERED": "1",
        **extra,
    }


def short_names_folder() -> Path:
    """Links with short names to long temporary folders; holds nothing else."""
    return Path(f"/tmp/ml-intern-{os.getuid()}")


def _may_pass(name: str, value: str) -> bool:
    if _SECRET_NAME.search(name) or _SECRET_VALUE.search(value):
        return False
    return name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES)


def _short_name(folder: Path) -> Path:
    """`folder`, or a link to it when sockets in it would have names too long for the kernel."""
    if len(str(folder)) <= _LONGEST_TEMPORARY:
        return folder
    names = short_names_folder()
    link = names / hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    try:
        names.mkdir(mode=0o700, exist_ok=True)
        if names.is_symlink() or names.stat().st_uid != os.getuid():
            return folder
        if not link.is_symlink():
            _remove_stale(names)
            link.symlink_to(folder)
    except FileExistsError:
        pass  # another thread made the link
    except OSError:
        return folder
    return link if link.is_symlink() and link.readlink() == folder else folder


def _remove_stale(names: Path) -> None:
    """Links of workspaces that are gone."""
    for link in names.iterdir():
        if not link.exists():
            link.unlink(missing_ok=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without an entry in /etc/passwd
        return "ml-intern"
