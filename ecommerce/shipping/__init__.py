"""What shipping to an address costs: zones, their rates, and which of them fit."""
