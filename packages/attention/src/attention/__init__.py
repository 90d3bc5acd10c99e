"""Who looks at whom: masks, heads, caches."""
