"""Roles, as the API shows them."""

from enum import Enum

import strawberry


@strawberry.enum(description="A person's part in a workspace, from the most to the least that it allows.")
class Role(Enum):
    OWNER = strawberry.enum_value("OWNER", description="Everything; and alone gives and takes OWNER and ADMIN.")
    ADMIN = strawberry.enum_value(
        "ADMIN", description="Every scope: changes and deletes all links, manages keys, members and readers."
    )
    MEMBER = strawberry.enum_value(
        "MEMBER", description="Sees links and analytics, makes links, and changes those they made."
    )
    READER = strawberry.enum_value("READER", description="Sees links and analytics.")
