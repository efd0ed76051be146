"""The acts on orders. Each locks, asks the locked row, changes it and writes its event in one transaction."""
