"""Two drivers as one: a fast one for what is plainly wrong, a thorough one for the rest."""

from __future__ import annotations

from dataclasses import replace

from gadfly_lean._ports import Answer, Lean, Request


class Sieve:
    """Asks a fast driver first, and a thorough one about what the fast one finds no fault with.

    Most drafts of a search have an error, which a warm REPL shows in milliseconds. Both must have
    the same Lean and the same libraries: an error that the fast one sees is final.

    Args:
        fast: Such as `ReplPool`.
        thorough: Such as `OneShotLean`; what it sees is what a proof is judged by.
    """

    name = "sieve"

    def __init__(self, fast: Lean, thorough: Lean) -> None:
        self._fast = fast
        self._thorough = thorough

    async def check(self, request: Request) -> Answer:
        """See `Lean.check`."""
        first = await self._fast.check(replace(request, want_axioms=False, want_exports=False))
        is_refused = any(message.severity == "error" for message in first.messages)
        if not first.problem and (is_refused or first.sorries):
            return first
        return await self._thorough.check(request)

    async def close(self) -> None:
        """See `Lean.close`: both are closed."""
        try:
            await self._fast.close()
        finally:
            await self._thorough.close()
