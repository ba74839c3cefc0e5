"""Who may put a definition in force: somebody other than its author, unless the team is one person."""

from typing import Literal

from api.auth.permissions import Caller
from api.definitions.versions import Version
from api.http.problem import Problem
from api.http.problem_types import NEEDS_APPROVER

Mode = Literal["two", "one"]
TWO: Mode = "two"


class Approval:
    """The rules of the setting ``WEIR_APPROVAL``.

    With ``two``, authors store definitions, and an approver who is not the author puts them in force. An admin may do both alone, for an
    emergency in which nobody else is awake; the audit log shows it. With ``one``, whoever may write a definition may put it in force.

    Args:
        mode: the value of the setting.
    """

    def __init__(self, mode: Mode = TWO) -> None:
        self._mode = mode

    def acts_alone(self, caller: Caller) -> bool:
        """Whether an upload by `caller` is put in force at once; otherwise it is stored and waits for an approver."""
        return self._mode == "one" or "admin" in caller.roles

    @staticmethod
    def approves(caller: Caller) -> bool:
        """Whether `caller` may put in force what others have stored."""
        return "approver" in caller.roles

    def require_approver(self, caller: Caller) -> None:
        """Checks that `caller` may put definitions in force that were in force before, as a rollback does.

        Raises:
            Problem: 403, the caller may only write definitions.
        """
        if not self.acts_alone(caller) and not self.approves(caller):
            roles = ", ".join(caller.roles)
            text = f"{caller.name} has the role {roles}, and putting definitions in force needs the role approver or admin"
            raise Problem(403, text, type=NEEDS_APPROVER)

    def require_other_author(self, caller: Caller, version: Version) -> None:
        """Checks that `caller` may put `version` in force: if no release holds it yet, somebody else has to have stored it.

        Raises:
            Problem: 403, the caller is not an approver, or stored this version.
        """
        self.require_approver(caller)
        if not self.acts_alone(caller) and not version.releases and version.by == caller.name:
            text = f"{caller.name} stored {version.part} {version.hash[:12]}, so another approver or an admin has to put it in force"
            raise Problem(403, text, type=NEEDS_APPROVER)
