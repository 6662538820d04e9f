"""How a class is made: the native ones have `__new__`, and griffe looks for `__init__`."""

from __future__ import annotations

from typing import Any

import griffe


class Signatures(griffe.Extension):
    """Gives classes the signature of their `__new__`, their own or an inherited one."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Go through the package, once it is loaded whole."""
        for module in pkg.modules.values():
            for made in module.classes.values():
                if not made.is_alias and "__init__" not in made.members:
                    self._describe(made)

    @staticmethod
    def _describe(made: griffe.Class) -> None:
        new = made.all_members.get("__new__")
        if isinstance(new, griffe.Alias):
            new = new.final_target
        if isinstance(new, griffe.Function):
            made.members["__init__"] = griffe.Function(
                "__init__", parameters=new.parameters, parent=made, lineno=new.lineno
            )
