"""Files in: read as spreadsheets write them, each cell understood or refused, held against the database, applied."""
