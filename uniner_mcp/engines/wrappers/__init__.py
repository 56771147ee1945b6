"""Engines that wrap any engine and add to it: a limit, a circuit breaker, a cache, a fallback."""
