"""Whoever did something."""

import strawberry

from graph.ids import Node


@strawberry.interface(description="Whoever did something: a person or a key.")
class Actor(Node):
    name: str = strawberry.field(description="For people; need not be unique.")
