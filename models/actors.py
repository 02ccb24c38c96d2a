"""Who changes something: a key, a person, or the operator at the terminal."""

from dataclasses import dataclass, field

from models.ids import KeyId, UserId


@dataclass(frozen=True, slots=True)
class Actor:
    """A key or a person, never both; neither is the operator, by the command line.

    A change is made only while the key is valid, or the person a member: in one of `roles`, if any are named.
    """

    key: KeyId | None = None
    user: UserId | None = None
    roles: frozenset[str] = field(default=frozenset(), compare=False)


OPERATOR = Actor()


@dataclass(frozen=True, slots=True)
class Editor:
    """Who changes a link; with `own_only` no other than what this actor made."""

    actor: Actor
    own_only: bool = False


BY_OPERATOR = Editor(OPERATOR)
