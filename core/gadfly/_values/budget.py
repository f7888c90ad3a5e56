"""What a run may spend, and what it has spent."""

from __future__ import annotations

from dataclasses import dataclass

from gadfly._errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was spent. Usages add up (`+`)."""

    model_calls: int = 0
    """Calls of the actor's model and of the critics' model."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tool_calls: int = 0
    """Sandbox jobs and tool calls; one that was shared with an identical check counts once."""
    sandbox_seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            model_calls=self.model_calls + other.model_calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            tool_calls=self.tool_calls + other.tool_calls,
            sandbox_seconds=self.sandbox_seconds + other.sandbox_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one run may spend. None means no limit of that kind.

    A budget is looked at between steps: a model call or a check that has begun is finished, and a
    critic is bounded by its own deadline.

    Raises:
        InputError: A limit is negative, or `rounds` is.
    """

    rounds: int = 4
    """Refinements after the first draft. A round that only produced errors is not counted."""
    tokens: int | None = None
    tool_calls: int | None = None
    seconds: float | None = None
    """Wall time since the run began, pauses for a person and for a restart included."""

    def __post_init__(self) -> None:
        for name in Budget.__slots__:
            value = getattr(self, name)
            if value is not None and value < 0:
                raise InputError(f"budget {name} must not be negative, not {value!r}")

    def exceeded(self, usage: Usage, rounds: int, seconds: float) -> str | None:
        """Name the first limit that is used up, or None while the run may go on."""
        spent = {
            "rounds": (rounds, self.rounds),
            "tokens": (usage.tokens, self.tokens),
            "tool_calls": (usage.tool_calls, self.tool_calls),
            "seconds": (seconds, self.seconds),
        }
        for name, (used, limit) in spent.items():
            if limit is not None and used >= limit:
                return name
        return None
