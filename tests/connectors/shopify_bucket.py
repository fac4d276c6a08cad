"""A bucket of points that works as Shopify's does."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.shopify.governor import Cost


@dataclass
class ShopBucket:
    """Shopify's side: what a request needs is taken when it comes, and what it did not use is given back."""

    maximum: float
    rate: float
    level: float
    at: float = 0.0
    refused: int = 0
    overflow: float = 0.0

    def fill(self, now: float) -> None:
        full = self.level + (now - self.at) * self.rate
        self.overflow += max(full - self.maximum, 0.0)
        self.level, self.at = min(full, self.maximum), now

    def take(self, points: float, now: float) -> bool:
        self.fill(now)
        if self.level < points - 1e-9:
            self.refused += 1
            return False
        self.level -= points
        return True

    def take_what_is_there(self, points: float, now: float) -> None:
        """Another program with the same credentials."""
        self.fill(now)
        self.level = max(self.level - points, 0.0)

    def give(self, points: float, now: float) -> None:
        self.fill(now)
        self.level = min(self.level + points, self.maximum)

    def cost(self, requested: float, actual: float | None, now: float) -> Cost:
        self.fill(now)
        return Cost(requested, actual, self.maximum, float(int(self.level)), self.rate)
