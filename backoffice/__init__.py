"""What the admin pages of all apps share: base classes, paging, columns, badges, CSV files. No models."""
