"""What every confined command may read besides what it is given: the system's programs and public
settings.

Kept short on purpose. `/etc` is a list of files, because it also holds passwords and private keys.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
_VENDORS = ("/opt/rocm", "/opt/nvidia", "/opt/cuda", "/opt/intel")
_LOADER = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives")
_NAMES = ("passwd", "group", "nsswitch.conf", "hosts", "host.conf", "resolv.conf", "gai.conf")
_NUMBERS = ("services", "protocols", "networks", "os-release")
_LOCALE = ("localtime", "timezone", "locale.alias", "locale.conf", "fonts", "terminfo")
_SHELL = ("bash.bashrc", "inputrc", "magic", "magic.mime", "mime.types")
_CERTIFICATES = ("ca-certificates", "ca-certificates.conf", "ssl/certs", "ssl/openssl.cnf")
_MORE_CERTIFICATES = ("pki/tls/certs", "pki/ca-trust/extracted")
_GPU_DRIVERS = ("OpenCL", "vulkan", "nvidia")
_SETTINGS = (*_LOADER, *_NAMES, *_NUMBERS, *_LOCALE, *_SHELL, *_CERTIFICATES, *_MORE_CERTIFICATES)
_HARDWARE = (
    "/sys/devices",
    "/sys/class",
    "/sys/bus/pci",
    "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage",
    "/sys/module/nvidia",
    "/sys/module/nvidia_uvm",
    "/sys/module/amdgpu",
)
_DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty"))
_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_MOST_LINKS = 40  # as many as the kernel follows
_PREFIXES = "import sys; print(sys.prefix, sys.base_prefix, *sys.path, sep='\\0', end='')"


def system_files() -> list[str]:
    """Programs, libraries and public settings that exist on this machine."""
    certificates = (os.environ.get(name, "") for name in _CERTIFICATE_VARIABLES)
    settings = (f"/etc/{name}" for name in (*_SETTINGS, *_GPU_DRIVERS))
    return _existing((*_PROGRAMS, *_VENDORS, *settings, *certificates))


def hardware_files() -> list[str]:
    """Where libraries look for processors, memory limits and accelerators."""
    return _existing(_HARDWARE)


def plain_devices() -> list[str]:
    """Devices without state."""
    return _existing(_DEVICES)


def accelerator_devices() -> list[str]:
    """Graphics processors, as NVIDIA's, AMD's and Intel's libraries open them."""
    nvidia = sorted(str(path) for path in Path("/dev").glob("nvidia*"))
    return _existing((*nvidia, "/dev/kfd", "/dev/dri"))


def interpreter_folders(python: Path) -> list[Path]:
    """Where another Python lives, with its packages: ask it. For `readable` of the sandboxes.

    Raises OSError or subprocess.SubprocessError when it does not start within 30 s.
    """
    answer = subprocess.run(
        [str(python), "-I", "-c", _PREFIXES], capture_output=True, check=True, timeout=30, cwd="/"
    )
    named = [Path(text) for text in answer.stdout.decode().split("\0") if text]
    return [path for path in dict.fromkeys(named) if path.is_absolute() and path.exists()]


def with_link_targets(paths: Sequence[Path]) -> list[str]:
    """The paths as they are named and as they really are, every link of an interpreter followed."""
    found: dict[str, None] = {}
    for path in paths:
        for _ in range(_MOST_LINKS):
            found[str(path)] = None
            if not path.is_symlink():
                break
            path = path.parent / path.readlink()
        found[str(path.resolve())] = None
    return _existing(tuple(found))


def _existing(paths: Sequence[str]) -> list[str]:
    return [path for path in dict.fromkeys(paths) if path and os.path.exists(path)]  # noqa: PTH110
