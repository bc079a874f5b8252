"""Give up rights, then become another program: `python -I -S confine.py SPEC… -- argv…`.

Stands alone (standard library only), because it is started as a file, also inside a bubblewrap
sandbox. `SPEC` is the JSON text that `specification` makes, cut into pieces that fit an argument.
In this order: limits, no new privileges, fewer capabilities, Landlock, a system-call filter,
`exec`. Whatever cannot be done as the specification demands ends the program with status 125 and a
sentence; nothing of `argv` has run then.

What Landlock does not cover, whatever its version: looking at names and metadata (`stat`), changing
modes and times of the same user's files, and connecting to a named Unix socket whose path is known.
"""

import ctypes
import errno
import json
import os
import platform
import resource
import signal
import stat
import struct
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Literal

Isolation = Literal["landlock", "namespaces", "none"]
CANNOT_CONFINE = 125
CANNOT_EXECUTE = 126
NOT_FOUND = 127
_PIECE_CHARACTERS = 30_000  # the kernel takes 128 KiB per argument; a character has at most 4 bytes

# Landlock's rights (linux/landlock.h), with the version that brought them.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_CHAR, _MAKE_DIR = 1 << 4, 1 << 5, 1 << 6, 1 << 7
_MAKE_REG, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK = 1 << 8, 1 << 9, 1 << 10, 1 << 11
_MAKE_SYM, _REFER, _TRUNCATE, _IOCTL_DEV = 1 << 12, 1 << 13, 1 << 14, 1 << 15
_RIGHTS_SINCE = ((1, (1 << 13) - 1), (2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV))
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV
_MAKE = _MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _MAKE_FIFO | _MAKE_SYM
_WRITE = _READ | _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _MAKE | _REFER
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_TCP_BIND_AND_CONNECT = 0b11
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULESET_SIZE_SINCE = ((1, 8), (4, 16), (6, 24))
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1

_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP, _PR_SET_SECCOMP = 38, 24, 22
_CAPABILITIES_VERSION_3 = 0x20080522
# chown, dac_override, fowner, fsetid: root goes on owning files; nothing that reaches the kernel or
# others.
_KEPT_CAPABILITIES = 0b11011
_LAST_CAPABILITY = 63

# Per machine: its audit number, `socket`, and calls with which root or a key ring reaches past
# Landlock: add_key, request_key, keyctl, bpf, init_module, finit_module, kexec_load,
# kexec_file_load, open_by_handle_at.
_SYSTEM_CALLS = {
    "x86_64": (0xC000003E, 41, (248, 249, 250, 321, 175, 313, 246, 320, 304)),
    "aarch64": (0xC00000B7, 198, (217, 218, 219, 280, 105, 273, 104, 294, 265)),
}
_IO_URING_SETUP = 425  # it can open sockets that no filter sees
_X32_BIT = 0x40000000
_AF_UNIX, _AF_NETLINK = 1, 16
_AT_NUMBER, _AT_ARCHITECTURE, _AT_FIRST_ARGUMENT = 0, 4, 16  # in struct seccomp_data
_THREADS_PER_CPU = 64


def specification(
    isolation: Isolation,
    *,
    cwd: str,
    write: Sequence[str] = (),
    read: Sequence[str] = (),
    devices: Sequence[str] = (),
    network: bool = True,
    memory_bytes: int | None = None,
    max_file_bytes: int | None = None,
    max_processes: int | None = None,
) -> list[str]:
    """The arguments between this file's name and `argv`, the separating `--` with them.

    `landlock`: all of it. `namespaces`: files are guarded by who starts us; `write`, `read` and
    `devices` are ignored. `none`: only the limits. `network=False` refuses every socket that is not
    local to the machine.
    """
    text = json.dumps(
        {
            "isolation": isolation,
            "cwd": cwd,
            "write": list(write),
            "read": list(read),
            "devices": list(devices),
            "network": network,
            "memory_bytes": memory_bytes,
            "max_file_bytes": max_file_bytes,
            "max_processes": max_processes,
        }
    )
    pieces = range(0, len(text), _PIECE_CHARACTERS)
    return [*(text[start : start + _PIECE_CHARACTERS] for start in pieces), "--"]


@cache
def landlock_version() -> int:
    """The kernel's Landlock ABI; 0 where there is none or it is switched off."""
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)))


def can_refuse_network() -> bool:
    """Whether this machine's network can be closed to a process without a namespace."""
    return landlock_version() >= 4 or platform.machine() in _SYSTEM_CALLS


def main(arguments: Sequence[str]) -> None:
    """Confine this process and become the command."""
    split = arguments.index("--")
    spec = json.loads("".join(arguments[:split]))
    try:
        confine(spec)
    except OSError as exc:
        _give_up(CANNOT_CONFINE, f"cannot confine the command: {exc}")
    become(arguments[split + 1 :])


def confine(spec: dict[str, Any]) -> None:
    """Take this process's rights away, for good. Raises OSError for what the kernel refuses."""
    os.chdir(spec["cwd"])
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    _limit(spec)
    if spec["isolation"] == "none":
        return
    _check(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _drop_capabilities()
    if spec["isolation"] == "landlock":
        _restrict_files(spec)
    _filter_system_calls(network=spec["network"])


def become(argv: Sequence[str]) -> None:
    """Replace this process by `argv`; ends it with 126 or 127 when that is impossible."""
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored_by_python, signal.SIG_DFL)
    try:
        os.execvp(argv[0], list(argv))
    except FileNotFoundError:
        _give_up(NOT_FOUND, f"{argv[0]}: not found in the sandbox")
    except (OSError, ValueError) as exc:
        _give_up(CANNOT_EXECUTE, f"{argv[0]}: {exc}")


def _give_up(status: int, sentence: str) -> None:
    sys.stderr.write(f"ml-intern sandbox: {sentence}\n")
    sys.stderr.flush()
    os._exit(status)


# Limits


def _limit(spec: dict[str, Any]) -> None:
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_AS, spec["memory_bytes"])
    _lower(resource.RLIMIT_FSIZE, spec["max_file_bytes"])
    if spec["max_processes"] is not None:
        # The kernel counts all threads of the user, on the whole machine, and never stops root.
        allowed = spec["max_processes"] + _THREADS_PER_CPU * (os.cpu_count() or 1)
        _lower(resource.RLIMIT_NPROC, _threads_of_this_user() + allowed)


def _lower(which: int, value: int | None) -> None:
    if value is None:
        return
    _soft, hard = resource.getrlimit(which)
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (bounded, bounded))


def _threads_of_this_user() -> int:
    return sum(_threads(entry.path) for entry in os.scandir("/proc") if entry.name.isdigit())


def _threads(process: str) -> int:
    try:
        if os.stat(process).st_uid != os.getuid():  # noqa: PTH116  # pathlib doubles the start-up time
            return 0
        return len(os.listdir(f"{process}/task"))  # noqa: PTH208  # pathlib doubles the start-up time
    except OSError:
        return 0


# Capabilities


def _drop_capabilities() -> None:
    """Keep of root's powers only those over files. Without new privileges no `exec` brings them
    back.
    """
    header = struct.pack("=Ii", _CAPABILITIES_VERSION_3, 0)
    held = ctypes.create_string_buffer(24)
    _check(_libc().capget(header, held), "capget")
    words = struct.unpack("=6I", held.raw)
    for capability in range(_LAST_CAPABILITY + 1):
        if not _KEPT_CAPABILITIES >> capability & 1:
            _libc().prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # only who may; depth, not need
    effective, permitted = words[0] & _KEPT_CAPABILITIES, words[1] & _KEPT_CAPABILITIES
    kept = struct.pack("=6I", effective, permitted, 0, 0, 0, 0)
    _check(_libc().capset(header, kept), "capset")


# Landlock


def _restrict_files(spec: dict[str, Any]) -> None:
    version = landlock_version()
    if version < 1:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock")
    handled = _known(_RIGHTS_SINCE, version)
    network = _TCP_BIND_AND_CONNECT if version >= 4 and not spec["network"] else 0
    scoped = _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0
    size = max(size for since, size in _RULESET_SIZE_SINCE if since <= version)
    attributes = struct.pack("=QQQ", handled, network, scoped)[:size]
    ruleset = _check(
        _libc().syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0), "Landlock"
    )
    _allow(ruleset, spec["read"], _READ & handled)
    _allow(ruleset, spec["devices"], _DEVICE & handled)
    _allow(ruleset, spec["write"], _WRITE & handled)
    _check(_libc().syscall(_RESTRICT_SELF, ruleset, 0), "Landlock")
    os.close(ruleset)


def _known(rights_since: Iterable[tuple[int, int]], version: int) -> int:
    known = 0
    for since, rights in rights_since:
        if since <= version:
            known |= rights
    return known


def _allow(ruleset: int, paths: Iterable[str], rights: int) -> None:
    for path in paths:
        try:
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            continue  # what is not there needs no rule
        is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        granted = rights if is_folder else rights & _OF_A_FILE
        rule = struct.pack("=Qi", granted, opened)
        _check(
            _libc().syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0), f"Landlock: {path}"
        )
        os.close(opened)


# System calls


def _filter_system_calls(*, network: bool) -> None:
    if platform.machine() not in _SYSTEM_CALLS:
        if not network and landlock_version() < 4:
            raise OSError(errno.ENOSYS, "the network cannot be closed on this machine")
        return
    program = b"".join(_filter(network=network))
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    _check(_libc().prctl(_PR_SET_SECCOMP, 2, header, 0, 0), "seccomp")


def _filter(*, network: bool) -> Iterable[bytes]:
    """Classic BPF over `struct seccomp_data` {number, architecture, instruction pointer,
    arguments}.
    """
    architecture, socket, refused = _SYSTEM_CALLS[platform.machine()]
    yield from (_load(_AT_ARCHITECTURE), _if_equal(architecture, 1, 0), _fail_with(errno.ENOSYS))
    yield from (_load(_AT_NUMBER), _if_at_least(_X32_BIT, 0, 1), _fail_with(errno.ENOSYS))
    for number in refused:
        yield from (_if_equal(number, 0, 1), _fail_with(errno.EPERM))
    yield from (_if_equal(_IO_URING_SETUP, 0, 1), _fail_with(errno.ENOSYS))
    if not network:
        yield from (_if_equal(socket, 0, 4), _load(_AT_FIRST_ARGUMENT))
        yield from (_if_equal(_AF_UNIX, 2, 0), _if_equal(_AF_NETLINK, 1, 0))
        yield _fail_with(errno.EACCES)
    yield _instruction(0x06, 0x7FFF0000)  # allow


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction; the last two say how many of the following ones a test skips."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:
    return _instruction(0x20, offset)


def _if_equal(value: int, if_true: int, if_false: int) -> bytes:
    return _instruction(0x15, value, if_true, if_false)


def _if_at_least(value: int, if_true: int, if_false: int) -> bytes:
    return _instruction(0x35, value, if_true, if_false)


def _fail_with(number: int) -> bytes:
    return _instruction(0x06, 0x00050000 | number)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


if __name__ == "__main__":
    main(sys.argv[1:])
