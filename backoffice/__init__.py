"""What every page of the staff admin is built from: base classes, paging, columns, files."""
