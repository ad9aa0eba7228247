"""What the records say. Pure: Ibis tables, arrays or frames and explicit parameters in, the same out."""
