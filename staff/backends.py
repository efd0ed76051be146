"""Who a session of staff belongs to."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from customers.models import User
from staff import second_factor


class StaffBackend(ModelBackend):
    """Reads with the user what the gate asks on each page, in the one query that reads the user anyway."""

    def get_user(self, user_id: Any) -> User | None:
        user = second_factor.with_facts(User.objects.filter(pk=user_id)).first()
        return user if user and self.user_can_authenticate(user) else None
