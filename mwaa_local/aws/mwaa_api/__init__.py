"""MWAA's own API on the local endpoint: the twelve operations of its service model, before moto's services."""
