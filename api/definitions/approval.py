"""Who puts a definition in force: not its author alone, unless the team is one person."""

from typing import Literal

from api.auth.permissions import Caller
from api.definitions.versions import Version
from api.http.problem import Problem

Mode = Literal["two", "one"]
TWO: Mode = "two"


class Approval:
    """What the setting ``WEIR_APPROVAL`` means.

    With ``two``, authors store definitions, and an approver who is not the author puts them in force. An admin may do both, for the
    hour in which nobody else is awake; the audit log shows it. With ``one``, whoever may write a definition may put it in force.

    Args:
        mode: of the setting.
    """

    def __init__(self, mode: Mode = TWO) -> None:
        self._mode = mode

    def acts_alone(self, caller: Caller) -> bool:
        """Whether what `caller` uploads is in force at once. Otherwise it is stored, and waits for an approver."""
        return self._mode == "one" or "admin" in caller.roles

    def require_approver(self, caller: Caller) -> None:
        """Lets pass who may put in force what was in force before, as a rollback does.

        Raises:
            Problem: 403, the caller only writes definitions.
        """
        if not self.acts_alone(caller) and "approver" not in caller.roles:
            roles = ", ".join(caller.roles)
            raise Problem(403, f"{caller.name} is {roles}; this needs approver or admin, for authors store and approvers put in force")

    def require_other_author(self, caller: Caller, version: Version) -> None:
        """Lets pass who may put `version` in force: one that no release holds yet was stored by somebody else.

        Raises:
            Problem: 403, the caller is no approver, or stored this version.
        """
        self.require_approver(caller)
        if not self.acts_alone(caller) and not version.releases and version.by == caller.name:
            text = f"{version.part} {version.hash[:12]} was stored by {caller.name}: another approver, or an admin, puts it in force"
            raise Problem(403, text)
