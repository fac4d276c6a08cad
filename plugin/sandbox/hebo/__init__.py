"""The image API of the vendor's document: limits, quota, billing, and faults on request. Start reading at `server`."""
