"""CSV files of orders: their columns, PostgreSQL's COPY as a stream, and the storage they are kept in."""
