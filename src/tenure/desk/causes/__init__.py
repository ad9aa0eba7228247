"""Why customers leave, as they say it: the company's tree of causes, what leavers said, and what is done about it."""
