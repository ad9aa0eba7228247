"""Whom the company loses customers to: competitors, what they offer and do, and who left for them."""
