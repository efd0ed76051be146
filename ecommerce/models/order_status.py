"""The status of orders in django-fsm: written by transitions alone, and by one of two at once."""

from typing import TYPE_CHECKING, Any

from django_fsm import ConcurrentTransitionMixin, FSMFieldDescriptor

if TYPE_CHECKING:
    # django-stubs' plugin gives up on a model with a mixin that calls itself one.
    class ConcurrentMixin:
        """Stands in for django-fsm's."""

else:
    ConcurrentMixin = ConcurrentTransitionMixin


class StatusDescriptor(FSMFieldDescriptor):
    """Refuse assignments to the status, in every thread.

    django-fsm lifts its protection from the field, for the whole process, while one order is refreshed: two refreshes
    at once break each other, and a failed one leaves the protection off for good.
    """

    def __set__(self, instance: Any, value: Any) -> None:
        if self.field.name in instance.__dict__ and not instance.is_refreshing:
            raise AttributeError("The status of an order is changed by its transitions alone.")
        self.field.set_state(instance, value)
