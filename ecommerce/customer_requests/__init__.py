"""What customers ask for after they have paid: to cancel, to return, to withdraw; and how staff answer."""
