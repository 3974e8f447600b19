"""How is a table that a user brings read: CSV, Parquet, JSON lines, their columns, ids, splits and joined attributes?"""
