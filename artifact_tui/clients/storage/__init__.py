"""Storage beside a registry: objects in S3, or in what speaks like it, that fit one pattern."""
