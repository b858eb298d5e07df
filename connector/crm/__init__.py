"""The CRM's side of the world: what changed, what a contract looks like, and what people are told."""
