"""Says in words why ssh did not bring a command to its end."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from ...converters.errors import NotRunnable

_KEY_CHANGED = re.compile(r"Host key for (\S+) has changed")
_KNOWN_FILE = re.compile(r"^Offending \S+ key in (.+):\d+\s*$", re.MULTILINE)
# What ssh says (OpenSSH 7 to 10), what that means, and what to do; {name} is the destination, and
# {command} what reaches it by hand.
_REASONS = (
    (
        r"Could not resolve hostname",
        "there is no machine of the name {name}",
        "see that it is spelt right and is on, or write its address: ssh:user@192.168.1.7",
    ),
    (
        r"Connection refused",
        "{name} refuses the connection: no ssh server listens there",
        "start one there (systemctl start ssh), or name its port: ssh:user@host:port",
    ),
    (
        r"timed out|No route to host|Network is (unreachable|down)|Host is down",
        "{name} does not answer",
        "see that it is on and in the same network: ssh {command}",
    ),
    (
        r"Host key verification failed|No \S+ host key is known",
        "the host key of {name} is not known here",
        "connect once by hand and compare the key it shows: ssh {command}",
    ),
    (
        r"Permission denied|Too many authentication failures|No more authentication methods",
        "{name} does not let this user in without a password",
        "give it your key: ssh-copy-id {command}; or, if the key has a passphrase, load it first: ssh-add",
    ),
    (
        r"onfiguration option|Can't open user config|Bad owner or perm|command-line|(unknown|illegal) option|extra arg",
        "ssh does not take its options",
        "look at $EDGEPROOF_SSH_OPTIONS and at ~/.ssh/config: ssh {command}",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Whom to reach: `login` as ssh takes it ("user@host"), and a port if it was given."""

    login: str
    port: str | None = None

    @property
    def name(self) -> str:
        """As after "ssh:"."""
        return self.login if self.port is None else f"{self.login}:{self.port}"

    @property
    def command(self) -> str:
        """What reaches it by hand, after "ssh"."""
        return self.login if self.port is None else f"-p {self.port} {self.login}"


def why_not(to: Destination, said: str, *, reached: bool) -> NotRunnable:
    """The error for what ssh said; `reached` tells whether commands had come to their end before."""
    name = to.name
    if changed := _KEY_CHANGED.search(said):
        return _other_key(name, changed[1], said)
    last = _last(said)
    if reached:
        return NotRunnable(
            f"the connection to {name} was lost in the middle: {last}",
            fix="see that it is still on and in the network, and run again: what was copied there stays",
        )
    for pattern, message, fix in _REASONS:
        if re.search(pattern, said):
            return NotRunnable(f"{message.format(name=name)} ({last})", fix=fix.format(command=to.command))
    return NotRunnable(f"{name} was not reached: {last}", fix=f"try by hand what ssh says: ssh -v {to.command} true")


def _other_key(name: str, host: str, said: str) -> NotRunnable:
    file = _KNOWN_FILE.search(said)
    where = f" -f {shlex.quote(file[1])}" if file else ""
    return NotRunnable(
        f"{name} has another host key than the one that is known: it was set up anew, or is another machine",
        fix=f"if you know why it changed: ssh-keygen{where} -R {shlex.quote(host)}",
    )


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "ssh said nothing"
