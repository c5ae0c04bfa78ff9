from analytics.grouped import Names, Part, Spread, Sums, spread, sums

__all__ = ["Names", "Part", "Spread", "Sums", "spread", "sums"]
