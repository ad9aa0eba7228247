"""A company's own fields: what they are (`definitions`), what customers have in them (`values`), and how lists are
narrowed and ordered by them (`asking`)."""
