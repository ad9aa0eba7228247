"""A company's own kinds of record (a vehicle, a policy, a store visit): what they are (`definitions`), the records and
who they belong to (`records`), and bringing many from a file (`bringing`)."""
