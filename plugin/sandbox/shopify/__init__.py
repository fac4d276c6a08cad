"""A sandbox Shopify store: the Admin GraphQL API of a schema subset, with costs, media states, jobs and faults."""
